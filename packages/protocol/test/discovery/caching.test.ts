import { thumbprint } from '@countersign/httpsig';
import { beforeAll, describe, expect, it } from 'vitest';
import { freshSeconds } from '../../src/discovery/cache-lifetime.js';
import { createDiscovery } from '../../src/discovery/create-discovery.js';
import type { DiscoveryOptions } from '../../src/discovery/discovery-options.js';
import type { Discovery } from '../../src/discovery/discovery.js';
import {
  agentKind,
  answer,
  failureOf,
  FakeNetwork,
  identifier,
  manualClock,
  publicKey,
} from './support.js';

const AGENT = identifier('https://agent.example');
const METADATA = `${AGENT}/.well-known/aauth-agent`;
const JWKS = `${AGENT}/jwks.json`;

let key: Awaited<ReturnType<typeof publicKey>>;
let next: Awaited<ReturnType<typeof publicKey>>;

beforeAll(async () => {
  key = await publicKey('key-1');
  next = await publicKey('key-2');
});

interface World {
  network: FakeNetwork;
  discovery: Discovery;
  /** Moves the clock. Seconds. */
  readonly pass: (seconds: number) => void;
  readonly find: (kid?: string) => Promise<boolean>;
}

function world(options: Partial<DiscoveryOptions> = {}): World {
  const network = new FakeNetwork();
  network.agent(AGENT, [key]);
  const clock = manualClock();
  const discovery = createDiscovery({
    clock: clock.read,
    fetchDocument: network.fetch,
    ...options,
  });
  return {
    network,
    discovery,
    pass: (seconds) => {
      clock.now += seconds;
    },
    find: async (kid = 'key-1') =>
      (await discovery.publishedKey(agentKind, AGENT, kid)) !== undefined,
  };
}

const metadata = (cacheControl?: string) => () =>
  answer({ agent: AGENT, jwks_uri: JWKS }, cacheControl === undefined ? {} : { cacheControl });
const jwks = (cacheControl?: string) => () =>
  answer({ keys: [key] }, cacheControl === undefined ? {} : { cacheControl });

describe('a document', () => {
  it('is kept for five minutes when its host says nothing', async () => {
    const { network, pass, find } = world();
    await find();
    pass(299);
    await find();
    expect(network.asked).toEqual([METADATA, JWKS]);
    pass(1);
    await find();
    expect(network.asked).toEqual([METADATA, JWKS, METADATA, JWKS]);
  });

  it('is kept as its host says: metadata up to a day, a JWKS up to ten minutes', async () => {
    const { network, pass, find } = world();
    network.routes.set(METADATA, metadata('max-age=9999999'));
    network.routes.set(JWKS, jwks('max-age=9999999'));
    await find();
    pass(599);
    await find();
    expect(network.asked).toHaveLength(2);
    pass(1);
    await find();
    expect(network.asked.slice(2)).toEqual([JWKS]);
    pass(86_400 - 601);
    await find();
    expect(network.count(METADATA)).toBe(1);
    pass(1);
    await find();
    expect(network.count(METADATA)).toBe(2);
  });

  it('is kept for a minute at least, whatever its host says', async () => {
    const { network, pass, find } = world();
    network.routes.set(METADATA, metadata('no-store'));
    network.routes.set(JWKS, jwks('max-age=0'));
    await find();
    pass(59);
    await find();
    expect(network.asked).toHaveLength(2);
    pass(1);
    await find();
    expect(network.asked).toHaveLength(4);
  });

  it.each([
    [undefined, 300],
    ['', 300],
    ['public', 300],
    ['max-age=120', 120],
    ['Public, Max-Age=120', 120],
    ['max-age=120, max-age=90', 90],
    ['max-age=600, no-cache', 60],
    ['no-cache="set-cookie", max-age=600', 60],
    ['max-age=-1', 300],
    ['max-age=1e9', 300],
    ['max-age="120"', 300],
    ['s-maxage=120', 300],
    ['x-max-age=120', 300],
    ['max-age=99999999999999999999', 300],
    ['max-age=9999999999', 86_400],
  ])('with Cache-Control %j is fresh for %i seconds', (header, seconds) => {
    const lifetimes = { defaultSeconds: 300, minSeconds: 60, maxSeconds: 86_400 };
    expect(freshSeconds(header, lifetimes)).toBe(seconds);
  });
});

describe('a key looked for by its thumbprint', () => {
  const by = async ({ discovery }: World, jwk: typeof key) =>
    await discovery.keyByThumbprint(agentKind, AGENT, await thumbprint(jwk));

  it('is found among others, from one fetch, and is the one that its kid leads to', async () => {
    const here = world();
    here.network.agent(AGENT, [next, key]);
    const found = await by(here, key);
    expect(found?.jwk).toEqual(key);
    expect(await here.discovery.publishedKey(agentKind, AGENT, 'key-1')).toBe(found);
    expect((await by(here, next))?.jwk).toEqual(next);
    expect(here.network.asked).toEqual([METADATA, JWKS]);
  });

  it('is not found where its kid is missing or shared, nor hidden by neighbours that are malformed', async () => {
    const here = world();
    const { kid: _kid, ...nameless } = key;
    const others = [
      { kid: 'broken', kty: 'OKP', crv: 'Ed25519', x: 'AA' },
      { kid: 'odd', kty: 'oct' },
    ];
    const publish = (keys: object[]) =>
      here.network.routes.set(JWKS, () => answer({ keys: [...others, ...keys] }));
    publish([key]);
    expect((await by(here, key))?.jwk).toEqual(key);
    for (const keys of [[nameless], [key, { ...next, kid: 'key-1' }]]) {
      publish(keys);
      here.pass(300);
      expect(await by(here, key)).toBeUndefined();
    }
  });

  it('is looked for again when it has just been published, at most once in 30 seconds', async () => {
    const here = world();
    expect(await by(here, next)).toBeUndefined();
    here.network.agent(AGENT, [key, next]);
    here.pass(31);
    expect((await by(here, next))?.jwk).toEqual(next);
    const third = await publicKey('key-3');
    const asked = here.network.asked.length;
    expect(await by(here, third)).toBeUndefined();
    expect(here.network.asked).toHaveLength(asked);
  });

  it('of a host that fails is as unknown as any other failure', async () => {
    const here = world();
    here.network.routes.delete(JWKS);
    const print = await thumbprint(key);
    const { detail } = await failureOf(here.discovery.keyByThumbprint(agentKind, AGENT, print));
    expect(detail).toContain(`keys of ${AGENT} by aauth-agent`);
  });
});

describe('a failure', () => {
  it('is remembered for ten seconds, and forgotten when the host recovers', async () => {
    const { network, pass, find, discovery } = world();
    network.routes.delete(METADATA);
    await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1'));
    network.routes.set(METADATA, metadata());
    pass(9);
    const { detail } = await failureOf(discovery.metadata(agentKind, AGENT));
    expect(detail).toContain('ECONNREFUSED (remembered)');
    expect(network.asked).toEqual([METADATA]);
    pass(1);
    expect(await find()).toBe(true);
  });

  it('of a JWKS is remembered without asking for the metadata again and again', async () => {
    const { network, discovery, pass, find } = world();
    network.routes.delete(JWKS);
    for (let time = 0; time < 20; time++) {
      await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1'));
    }
    expect(network.count(JWKS)).toBe(1);
    expect(network.count(METADATA)).toBe(2);
    network.agent(AGENT, [key]);
    pass(10);
    expect(await find()).toBe(true);
  });

  it('leaves stale documents in use: metadata for a day, a JWKS for ten minutes', async () => {
    const { network, pass, find, discovery } = world();
    await find();
    network.routes.clear();
    pass(599);
    expect(await find()).toBe(true);
    expect(network.asked).toHaveLength(4);
    expect(await find()).toBe(true);
    expect(network.asked).toHaveLength(4);
    pass(1);
    await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1'));
    expect(await discovery.metadata(agentKind, AGENT)).toEqual({ jwksUri: JWKS });
    pass(86_400 - 601);
    expect(await discovery.metadata(agentKind, AGENT)).toEqual({ jwksUri: JWKS });
    pass(1);
    await failureOf(discovery.metadata(agentKind, AGENT));
  });

  it('is also an answer that cannot be used: it does not replace what is held', async () => {
    const { network, pass, find } = world();
    await find();
    network.routes.set(METADATA, () => answer({ agent: 'https://other.example', jwks_uri: JWKS }));
    network.routes.set(JWKS, () => answer('<html>'));
    pass(301);
    expect(await find()).toBe(true);
    expect(network.asked).toHaveLength(4);
  });

  it('counts stale time from the last success', async () => {
    const { network, pass, find } = world();
    await find();
    pass(301);
    await find();
    network.routes.clear();
    pass(599);
    expect(await find()).toBe(true);
  });

  it('to answer in time leaves a stale document in use, before the deadline', async () => {
    const { network, pass, find } = world({ deadlineMs: 200 });
    await find();
    pass(301);
    for (const url of [METADATA, JWKS]) network.routes.set(url, () => new Promise(() => undefined));
    expect(await find()).toBe(true);
  });
});

describe('a key that is not there', () => {
  it('is looked for again at most once in 30 seconds, however many ask', async () => {
    const { network, pass, find } = world();
    await find();
    const storm = async (): Promise<void> => {
      const found = await Promise.all(
        Array.from({ length: 200 }, (_one, index) => find(`unknown-${index}`)),
      );
      expect(found.some(Boolean)).toBe(false);
    };
    await storm();
    await storm();
    pass(29);
    await storm();
    expect(network.count(JWKS)).toBe(2);
    expect(network.count(METADATA)).toBe(2);
    pass(1);
    await storm();
    expect(network.count(JWKS)).toBe(3);
    expect(network.count(METADATA)).toBe(3);
  });

  it('is found within 30 seconds of a rotation, in the midst of such a storm', async () => {
    const { network, pass, find } = world();
    await find();
    await find('unknown');
    network.agent(AGENT, [next]);
    for (let second = 0; second < 29; second++) {
      pass(1);
      await Promise.all([find('unknown'), find('key-2')]);
    }
    pass(1);
    expect(await Promise.all([find('unknown'), find('key-2')])).toEqual([false, true]);
    expect(await find('key-1')).toBe(false);
    expect(network.count(JWKS)).toBe(3);
  });

  it('is found at once when nobody has asked in vain before', async () => {
    const { network, find } = world();
    await find();
    network.agent(AGENT, [key, next]);
    expect(await find('key-2')).toBe(true);
  });

  it('is found for all who ask at the same time', async () => {
    const { network, find } = world();
    await find();
    network.agent(AGENT, [next]);
    expect(await Promise.all([find('key-2'), find('key-2'), find('key-2')])).toEqual([
      true,
      true,
      true,
    ]);
    expect(network.count(JWKS)).toBe(2);
  });

  it('is looked for with one request for metadata when that was asked for the same call', async () => {
    const { network, discovery, find } = world();
    await discovery.keyAt(JWKS, 'key-1');
    expect(await find('unknown')).toBe(false);
    expect(network.asked).toEqual([JWKS, METADATA, JWKS]);
  });

  it('is not looked for twice in what was fetched for the same call', async () => {
    const { network, find } = world();
    expect(await find('unknown')).toBe(false);
    expect(network.asked).toEqual([METADATA, JWKS]);
  });

  it('is found where the metadata now says it is', async () => {
    const { network, find } = world();
    await find();
    const moved = 'https://keys.example/moved';
    network.routes.set(METADATA, () => answer({ agent: AGENT, jwks_uri: moved }));
    network.routes.set(moved, () => answer({ keys: [next] }));
    expect(await find('key-2')).toBe(true);
    expect(await find('key-1')).toBe(false);
  });

  it('is found where the metadata now says it is, when the old JWKS is gone', async () => {
    const { network, pass, find } = world();
    network.routes.set(METADATA, metadata('max-age=86400'));
    await find();
    const moved = 'https://keys.example/moved';
    network.routes.set(METADATA, () => answer({ agent: AGENT, jwks_uri: moved }));
    network.routes.set(moved, () => answer({ keys: [key] }));
    network.routes.delete(JWKS);
    pass(600);
    expect(await find()).toBe(true);
  });

  it('cannot be ruled out while its host does not answer, and others stay usable', async () => {
    const { network, find, discovery } = world();
    await find();
    network.routes.clear();
    await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-2'));
    expect(await find('key-1')).toBe(true);
  });

  it('costs the JWKS of another server no more when many metadata documents name it', async () => {
    const { network, discovery, find } = world();
    await find();
    for (let index = 0; index < 50; index++) {
      const id = identifier(`https://hostile-${index}.example`);
      network.routes.set(`${id}/.well-known/aauth-agent`, () =>
        answer({ agent: id, jwks_uri: JWKS }),
      );
      await discovery.publishedKey(agentKind, id, 'unknown');
    }
    expect(network.count(JWKS)).toBe(2);
  });
});

describe('settings', () => {
  it.each([
    { cacheSeconds: 59 },
    { cacheSeconds: 601 },
    { cacheSeconds: 60.5 },
    { deadlineMs: 0 },
    { deadlineMs: 5001 },
    { maxEntries: 0 },
    { maxInFlight: NaN },
    { maxInFlightPerHost: 1 },
    { allow: ['*'] },
  ])('%j is refused', (options) => {
    expect(() => createDiscovery({ clock: manualClock().read, ...options })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });

  it('cacheSeconds is how long a document without Cache-Control is kept', async () => {
    const { network, pass, find } = world({ cacheSeconds: 60 });
    await find();
    pass(60);
    await find();
    expect(network.asked).toHaveLength(4);
  });
});
