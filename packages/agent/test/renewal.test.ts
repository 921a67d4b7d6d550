import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { type AgentStore, type HeldToken, memoryStore } from '../src/index.js';
import { renewalTime } from '../src/held-token.js';
import { fileStore } from '../src/node/index.js';
import { AGENT, API, AUTH, json, keysOf, rejection, tokenOf, until, World } from './world.js';

let world: World;
let store: AgentStore;
beforeEach(async () => {
  world = await World.create();
  world.refreshTokens = true;
  store = memoryStore();
});

const refreshes = () => world.tokenRequests().filter((type) => type === 'refresh').length;
const held = async () => (await store.tokens('', API))[0];
/** Lets work go on that nobody waits for. */
const idle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};
/** Waits for a renewal that nobody waits for: until what is held is another than `old`. */
const replaced = async (old: HeldToken | undefined) => {
  for (let turn = 0; turn < 10_000; turn++) {
    if (!isDeepStrictEqual(await held(), old)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('nothing was replaced');
};

describe('a token that is about to run out', () => {
  it.each([
    [3600, 3300],
    [600, 480],
    [60, 48],
    [5, 4],
  ])('of %i seconds is renewed ahead from second %i on', (lifetime, from) => {
    expect(renewalTime(1000, 1000 + lifetime)).toBe(1000 + from);
  });

  it('is renewed beside the call that sends it, which does not wait', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3299;
    await agent.fetch(`${API}/data`);
    await idle();
    expect(refreshes()).toBe(0);
    world.now += 1;
    let answer = (): void => undefined;
    const waiting = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    world.token = () => waiting;
    const old = await held();
    const calls = [1, 2, 3].map(() => agent.fetch(`${API}/data`));
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await until(() => refreshes() > 0);
    expect(await held()).toEqual(old);
    answer();
    await replaced(old);
    expect(refreshes()).toBe(1);
    expect(await held()).toMatchObject({ expiresAt: world.now + 3600 });
    world.seen.length = 0;
    world.token = () => undefined;
    await agent.fetch(`${API}/data`);
    await idle();
    expect(world.seen.map(({ scheme }) => scheme)).toEqual(['jwt']);
  });

  it('is waited for once it has less than ten seconds: none is sent that could run out on the way', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3591;
    world.seen.length = 0;
    await agent.fetch(`${API}/data`);
    expect(world.seen.map(({ url }) => url)).toEqual([`${AUTH}/agent/token`, `${API}/data`]);
    expect(tokenOf(world.seen[1]!)?.['exp']).toBe(world.now + 3600);
  });

  it('is sent while the auth server is away, which is asked again after half a minute', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3400;
    world.token = () => json({ error: 'temporarily_unavailable' }, 503);
    for (let call = 0; call < 3; call++) {
      expect((await agent.fetch(`${API}/data`)).status).toBe(200);
      await until(() => refreshes() > 0);
      await idle();
    }
    expect(refreshes()).toBe(1);
    world.now += 30;
    await agent.fetch(`${API}/data`);
    await until(() => refreshes() === 2);
    await idle();
    world.token = () => undefined;
    world.now += 30;
    const old = await held();
    await agent.fetch(`${API}/data`);
    await replaced(old);
    expect(refreshes()).toBe(3);
    expect(await held()).toMatchObject({ expiresAt: world.now + 3600 });
  });

  it('waits as long as the auth server asks for', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3400;
    world.token = () => new Response(null, { status: 429, headers: { 'Retry-After': '100' } });
    await agent.fetch(`${API}/data`);
    await until(() => refreshes() === 1);
    await idle();
    world.now += 99;
    await agent.fetch(`${API}/data`);
    await idle();
    expect(refreshes()).toBe(1);
    world.now += 1;
    await agent.fetch(`${API}/data`);
    await until(() => refreshes() === 2);
  });

  it('is used to its end when renewing is refused, is not renewed again, and then is asked for anew', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.refreshable.clear();
    world.now += 3400;
    const old = (await held())!;
    const { refreshToken: _, ...kept } = old;
    await agent.fetch(`${API}/data`);
    await replaced(old);
    expect(await held()).toEqual(kept);
    world.now += 100;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh']);
    world.now += 100;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh', 'auth']);
  });

  it('without a refresh token is left alone', async () => {
    world.refreshTokens = false;
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3400;
    await agent.fetch(`${API}/data`);
    await idle();
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('whose renewal is for another key is refused, and the good one stays', async () => {
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3400;
    const before = (await held())!;
    world.authTokenClaims = { confirmation: (await keysOf('stranger')).current.publicJwk };
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    await replaced(before);
    expect((await held())?.token).toBe(before.token);
  });
});

describe('keys that change while the agent runs', () => {
  it('are published and used at once; the token of the former key is renewed without a person', async () => {
    let keys = world.agentKeys;
    const agent = world.approvingAgent({ store, keys: () => keys });
    await agent.fetch(`${API}/data`);
    const former = (await held())!;
    keys = await keysOf('key-2');
    world.keys.set(AGENT, keys);
    const jwks = await agent.handle(new Request(`${AGENT}/jwks.json`));
    expect(await jwks?.json()).toEqual({ keys: keys.jwks.keys });
    world.seen.length = 0;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['refresh']);
    expect(world.to(API).length).toBe(1);
    expect(world.asked.length).toBe(1);
    expect(tokenOf(world.to(API)[0]!)?.['cnf']).toEqual({ jwk: keys.current.publicJwk });
    expect((await held())?.refreshToken).toBe(former.refreshToken);
  });

  it('leave nothing to send when there is no refresh token: the person is asked', async () => {
    world.refreshTokens = false;
    let keys = world.agentKeys;
    const agent = world.approvingAgent({ store, keys: () => keys });
    await agent.fetch(`${API}/data`);
    keys = await keysOf('key-2');
    world.keys.set(AGENT, keys);
    world.seen.length = 0;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks', 'jwt']);
    expect(world.asked.length).toBe(2);
  });

  it('that the auth server does not know yet cost no refresh token', async () => {
    let keys = world.agentKeys;
    const agent = world.agent({ store, keys: () => keys });
    await agent.fetch(`${API}/data`);
    keys = await keysOf('key-2');
    world.keys.set(AGENT, keys);
    world.token = () => json({ error: 'invalid_signature' }, 401);
    expect(await rejection(agent.fetch(`${API}/data`))).toMatchObject({
      code: 'invalid_signature',
      refusedBy: 'auth-server',
    });
    world.token = () => undefined;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests().filter((type) => type === 'auth').length).toBe(1);
  });
});

describe('agents that share a store', () => {
  it('renew a token once, whichever of them needs it', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'agent-')), 'store.json');
    await world.agent({ store: fileStore(file) }).fetch(`${API}/data`);
    world.now += 3600;
    // A store each, as two processes have.
    const agents = [1, 2, 3].map(() => world.agent({ store: fileStore(file) }));
    const all = await Promise.all(agents.map((agent) => agent.fetch(`${API}/data`)));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(refreshes()).toBe(1);
  });

  it('renew it each when the store knows no better, and nothing is lost', async () => {
    await world.agent({ store }).fetch(`${API}/data`);
    world.now += 3600;
    const agents = [1, 2].map(() => world.agent({ store }));
    const all = await Promise.all(agents.map((agent) => agent.fetch(`${API}/data`)));
    expect(all.map(({ status }) => status)).toEqual([200, 200]);
    expect((await store.tokens('', API)).length).toBe(1);
  });

  it('name what they renew without a secret', async () => {
    const purposes: string[] = [];
    const watched: AgentStore = {
      ...store,
      alone: (purpose, work) => {
        purposes.push(purpose);
        return work();
      },
    };
    const agent = world.agent({ store: watched });
    await agent.fetch(`${API}/data`);
    const { refreshToken } = (await held())!;
    world.now += 3600;
    await agent.fetch(`${API}/data`);
    expect(purposes).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(purposes[0]).not.toContain(refreshToken);
  });
});
