import { beforeAll, describe, expect, it } from 'vitest';
import { createDiscovery } from '../../src/discovery/create-discovery.js';
import type { Discovery } from '../../src/discovery/discovery.js';
import type { FetchedDocument } from '../../src/discovery/document-fetch.js';
import type { AAuthError } from '../../src/errors.js';
import {
  agentKind,
  answer,
  failureOf,
  FakeNetwork,
  identifier,
  JSON_TYPE,
  manualClock,
  publicKey,
  serve,
  serveAgent,
} from './support.js';

const AGENT = identifier('https://agent.example');
const METADATA = `${AGENT}/.well-known/aauth-agent`;
const JWKS = `${AGENT}/jwks.json`;

let key: Awaited<ReturnType<typeof publicKey>>;
let other: Awaited<ReturnType<typeof publicKey>>;

beforeAll(async () => {
  key = await publicKey('key-1');
  other = await publicKey('key-2');
});

function world(): { network: FakeNetwork; discovery: Discovery } {
  const network = new FakeNetwork();
  network.agent(AGENT, [key]);
  const { read } = manualClock();
  return { network, discovery: createDiscovery({ clock: read, fetchDocument: network.fetch }) };
}

/** The failure for one changed document, with a control that the unchanged ones work. */
async function failureWith(url: string, changed: FetchedDocument): Promise<AAuthError> {
  const control = world();
  expect((await control.discovery.publishedKey(agentKind, AGENT, 'key-1'))?.jwk).toEqual(key);
  const { network, discovery } = world();
  network.routes.set(url, () => changed);
  return await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1'));
}

const fillers = (length: number): object[] => Array.from({ length }, () => ({}));

const metadataOf = (more: object = {}): object => ({ agent: AGENT, jwks_uri: JWKS, ...more });

describe('metadata', () => {
  const refused: readonly [string, () => FetchedDocument, string][] = [
    [
      'names someone else',
      () => answer(metadataOf({ agent: 'https://x.example' })),
      'someone else',
    ],
    ['names nobody', () => answer({ jwks_uri: JWKS }), 'someone else'],
    ['has no jwks_uri', () => answer({ agent: AGENT }), 'incomplete'],
    ['has a member twice', () => answer(`{"agent":"${AGENT}","agent":"${AGENT}"}`), 'not a JSON'],
    ['is not JSON', () => answer('<html>'), 'not a JSON object'],
    ['is an array', () => answer([metadataOf()]), 'not a JSON object'],
    ['is empty', () => answer(''), 'not a JSON object'],
    [
      'nests too deep',
      () => answer('{"a":'.repeat(40) + '1' + '}'.repeat(40)),
      'not a JSON object',
    ],
    ['is HTML by type', () => answer(metadataOf(), { contentType: 'text/html' }), 'content type'],
    [
      'is JSON-ish by type',
      () => answer(metadataOf(), { contentType: 'text/json' }),
      'content type',
    ],
    [
      'has a type that only begins like JSON',
      () => answer(metadataOf(), { contentType: 'application/jsonp' }),
      'content type',
    ],
    ['has no type', () => answer(metadataOf(), { contentType: undefined }), 'content type'],
    ['is 404', () => answer(metadataOf(), { status: 404 }), 'status 404'],
    ['is 201', () => answer(metadataOf(), { status: 201 }), 'status 201'],
    ['is 500', () => answer(metadataOf(), { status: 500 }), 'status 500'],
    ['is too large', () => answer(metadataOf({ a: 'x'.repeat(70_000) })), 'too large'],
  ];

  it.each(refused)('that %s is refused', async (_what, document, detail) => {
    expect((await failureWith(METADATA, document())).detail).toContain(detail);
  });

  it.each([
    'http://agent.example/jwks.json',
    'https://user:password@agent.example/jwks.json',
    'https://agent.example/jwks.json#keys',
    'file:///etc/hosts',
    '/jwks.json',
    'not a url',
  ])('that sends on to %s is refused, and nobody is asked', async (jwksUri) => {
    const { network, discovery } = world();
    network.routes.set(METADATA, () => answer(metadataOf({ jwks_uri: jwksUri })));
    await failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1'));
    await failureOf(discovery.metadata(agentKind, AGENT));
    expect(network.asked).toEqual([METADATA]);
  });

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/foo+json'])(
    'of type %s is taken',
    async (contentType) => {
      const { network, discovery } = world();
      network.routes.set(METADATA, () => answer(metadataOf(), { contentType }));
      expect(await discovery.metadata(agentKind, AGENT)).toEqual({ jwksUri: JWKS });
    },
  );

  it('may send on to another host', async () => {
    const { network, discovery } = world();
    const elsewhere = 'https://keys.example/agent?v=1';
    network.routes.set(METADATA, () => answer(metadataOf({ jwks_uri: elsewhere })));
    network.routes.set(elsewhere, () =>
      answer({ keys: [key] }, { contentType: 'application/jwk-set+json' }),
    );
    expect(await discovery.publishedKey(agentKind, AGENT, 'key-1')).toBeDefined();
  });

  it('is read by each kind in its own way, and fetched once', async () => {
    const { network, discovery } = world();
    await discovery.metadata(agentKind, AGENT);
    const read = { ...agentKind, read: () => ({ jwksUri: JWKS, extra: 1 }) };
    expect(await discovery.metadata(read, AGENT)).toMatchObject({ extra: 1 });
    const refuse = { ...agentKind, read: () => undefined };
    await failureOf(discovery.metadata(refuse, AGENT));
    expect(network.asked).toEqual([METADATA]);
  });
});

describe('a JWKS', () => {
  const smallOrder = { kty: 'OKP', crv: 'Ed25519', kid: 'key-1', x: 'A'.repeat(43) };
  const refused: readonly [string, () => FetchedDocument, string][] = [
    ['is not an object', () => answer([key]), 'not a JWKS'],
    ['has no keys', () => answer({}), 'not a JWKS'],
    ['has keys that are no list', () => answer({ keys: { 0: key } }), 'not a JWKS'],
    ['has ten thousand keys', () => answer({ keys: [key, ...fillers(10_000)] }), 'too many keys'],
    ['has 1,001 keys', () => answer({ keys: [key, ...fillers(1000)] }), 'too many keys'],
    [
      'has the wanted kid twice',
      () => answer({ keys: [key, { ...other, kid: 'key-1' }] }),
      'two keys',
    ],
    [
      'has the wanted kid twice, once malformed',
      () => answer({ keys: [key, { kid: 'key-1' }] }),
      'two keys',
    ],
    [
      'has a member twice',
      () => answer(`{"keys":[],"keys":[${JSON.stringify(key)}]}`),
      'not a JWKS',
    ],
    ['has a weak key of that kid', () => answer({ keys: [smallOrder] }), 'key_weak'],
    [
      'has a malformed key of that kid',
      () => answer({ keys: [{ ...key, x: 'AA' }] }),
      'key_invalid',
    ],
    [
      'has an unsupported key of that kid',
      () => answer({ keys: [{ kty: 'oct', kid: 'key-1', k: 'AA' }] }),
      'key_unsupported',
    ],
    [
      'has an encryption key of that kid',
      () => answer({ keys: [{ ...key, use: 'enc' }] }),
      'key_unsupported',
    ],
    [
      'is HTML by type',
      () => answer({ keys: [key] }, { contentType: 'text/html' }),
      'content type',
    ],
    ['is gone', () => answer({ keys: [key] }, { status: 410 }), 'status 410'],
  ];

  it.each(refused)('that %s is refused', async (_what, document, detail) => {
    expect((await failureWith(JWKS, document())).detail).toContain(detail);
  });

  it('is not spoiled by neighbours', async () => {
    const { network, discovery } = world();
    const neighbours = [null, 1, 'x', [], {}, { kid: 1 }, { kid: '' }, smallOrder, { kty: 'oct' }];
    const keys = [...neighbours, { ...smallOrder, kid: 'a' }, { kid: 'a' }, other];
    network.routes.set(JWKS, () => answer({ keys }));
    expect((await discovery.publishedKey(agentKind, AGENT, 'key-2'))?.jwk).toEqual(other);
  });

  it('of a thousand keys is taken', async () => {
    const { network, discovery } = world();
    const keys = [...fillers(999), key];
    network.routes.set(JWKS, () => answer({ keys }));
    expect(await discovery.publishedKey(agentKind, AGENT, 'key-1')).toBeDefined();
  });

  it('yields one key object from one fetch, without private members', async () => {
    const { network, discovery } = world();
    network.routes.set(JWKS, () => answer({ keys: [{ ...key, d: 'secret' }] }));
    const first = await discovery.publishedKey(agentKind, AGENT, 'key-1');
    expect(first?.jwk).toEqual(key);
    expect(await discovery.publishedKey(agentKind, AGENT, 'key-1')).toBe(first);
    expect(await discovery.keyAt(JWKS, 'key-1')).toBe(first);
    expect(network.asked).toEqual([METADATA, JWKS]);
  });

  it('can be asked by its URL alone, under the same rules', async () => {
    const { network, discovery } = world();
    expect((await discovery.keyAt(JWKS, 'key-1'))?.jwk).toEqual(key);
    expect(await discovery.keyAt(JWKS, 'key-9')).toBeUndefined();
    for (const url of [
      'http://agent.example/jwks.json',
      `${JWKS}#x`,
      'jwks',
      'https://a@b.example/',
    ]) {
      const { detail } = await failureOf(discovery.keyAt(url, 'key-1'));
      expect(detail).not.toContain('jwks.json');
    }
    expect(new Set(network.asked)).toEqual(new Set([JWKS]));
  });

  it('has no keys by the names of object members', async () => {
    const { discovery } = world();
    for (const kid of ['__proto__', 'constructor', 'toString', 'length', '0']) {
      expect(await discovery.publishedKey(agentKind, AGENT, kid)).toBeUndefined();
    }
  });
});

describe('a second hop over real sockets', () => {
  it.each([
    'https://10.0.0.1/jwks',
    'http://10.0.0.1/jwks',
    'http://169.254.169.254/latest/meta-data',
    'https://[fd00::1]/jwks',
    'https://[::ffff:127.0.0.1]/jwks',
    'http://2852039166/',
    'http://0.0.0.0/',
  ])('to %s is not made', async (jwksUri) => {
    const server = await serve((request, response) => {
      const id = `http://${request.headers.host}`;
      response.writeHead(200, JSON_TYPE).end(JSON.stringify({ agent: id, jwks_uri: jwksUri }));
    });
    const discovery = createDiscovery({ clock: manualClock().read, insecureLoopback: true });
    const { detail } = await failureOf(discovery.publishedKey(agentKind, server.id, 'key-1'));
    expect(detail).toMatch(/address in range|not https/);
    expect(detail).not.toContain(new URL(jwksUri).hostname);
  });

  it('that redirects is not followed', async () => {
    const goal = await serveAgent([key]);
    const server = await serve((request, response) => {
      const id = `http://${request.headers.host}`;
      if (request.url === '/jwks.json') {
        response.writeHead(302, { location: `${goal.id}/jwks.json` }).end();
      } else {
        response.writeHead(200, JSON_TYPE);
        response.end(JSON.stringify({ agent: id, jwks_uri: `${id}/jwks.json` }));
      }
    });
    const discovery = createDiscovery({ clock: manualClock().read, insecureLoopback: true });
    await failureOf(discovery.publishedKey(agentKind, server.id, 'key-1'));
    expect(goal.requests).toEqual([]);
    expect(await discovery.publishedKey(agentKind, goal.id, 'key-1')).toBeDefined();
  });

  it('is the same for loopback only when that was switched on', async () => {
    const server = await serveAgent([key]);
    const clock = manualClock().read;
    const open = createDiscovery({ clock, insecureLoopback: true });
    expect((await open.publishedKey(agentKind, server.id, 'key-1'))?.jwk).toEqual(key);
    const closed = createDiscovery({ clock });
    await failureOf(closed.publishedKey(agentKind, server.id, 'key-1'));
    expect(server.requests).toHaveLength(2);
  });
});

describe('every failure', () => {
  it('has the same public text, and a detail without a byte of the answer', async () => {
    const marker = 'm4rk3r';
    const documents = [
      answer(marker),
      answer({ agent: marker }),
      answer(metadataOf({ jwks_uri: `http://${marker}.example/` })),
      answer(metadataOf({ jwks_uri: `https://${marker}.example/${marker}` })),
      answer(metadataOf(), { contentType: `text/${marker}` }),
      answer(marker, { status: 503 }),
    ];
    const failures = await Promise.all(documents.map((one) => failureWith(METADATA, one)));
    failures.push(
      await failureWith(JWKS, answer({ keys: marker })),
      await failureWith(JWKS, answer({ keys: [{ kid: 'key-1', kty: marker }] })),
    );
    const server = await serve((request) =>
      request.socket.end(`HTTP/1.1 200 ${marker}\0\r\nx\r\n`),
    );
    const real = createDiscovery({ clock: manualClock().read, insecureLoopback: true });
    failures.push(
      await failureOf(real.metadata(agentKind, server.id)),
      await failureOf(real.metadata(agentKind, identifier('http://127.0.0.1:1'))),
      await failureOf(real.metadata(agentKind, identifier('https://10.0.0.1'))),
    );
    expect(new Set(failures.map(({ message }) => message)).size).toBe(1);
    for (const { detail, cause, rule } of failures) {
      expect(detail).toMatch(/^(?:aauth-agent of|keys of) http/);
      expect(`${detail} ${String(cause)}`).not.toContain(marker);
      expect(rule).toBeUndefined();
    }
  });

  it('is a failure of the host even when reading its document went wrong', async () => {
    const { discovery } = world();
    const broken = {
      ...agentKind,
      read: () => {
        throw new TypeError('oops');
      },
    };
    expect((await failureOf(discovery.metadata(broken, AGENT))).detail).toContain('TypeError');
  });
});
