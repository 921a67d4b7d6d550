import { authorizationDetailsOf, isAAuthError, loadTokenOpener } from '@countersign/protocol';
import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore } from '../src/index.js';
import { checkGrantedToken } from '../src/exploratory/token-answer.js';
import { AGENT, API, AUTH, rejection, World } from './world.js';

let world: World;

/** Each path of the API asks with the document of that path, and takes tokens for it only. */
function askWithDocuments(): void {
  world.resource = async ({ url }, caller) => {
    const authRequestUrl = `${API}/documents${new URL(url).pathname}`;
    if (caller.kind !== 'token-holder') return await world.challenge(caller, { authRequestUrl });
    const approved = authorizationDetailsOf(caller.token).map((detail) => detail['url']);
    return approved.includes(authRequestUrl)
      ? new Response('welcome')
      : await world.challenge(caller, { authRequestUrl, status: 403 });
  };
}

beforeEach(async () => {
  world = await World.create();
  askWithDocuments();
});

const fetched = async (agent: ReturnType<World['agent']>, path: string) => {
  world.seen.length = 0;
  const response = await agent.fetch(`${API}${path}`);
  return [await response.text(), world.seen.map(({ scheme }) => scheme), world.tokenRequests()];
};

describe('access asked for with a document', () => {
  it('is asked for by its resource token, and its token used again for the same document', async () => {
    const agent = world.agent();
    expect(await fetched(agent, '/pay/1')).toEqual(['welcome', ['jwks', 'jwks', 'jwt'], ['auth']]);
    expect(await fetched(agent, '/pay/1')).toEqual(['welcome', ['jwt'], []]);
  });

  it('is asked for anew for another document, and both tokens are kept', async () => {
    const agent = world.agent();
    await fetched(agent, '/pay/1');
    expect(await fetched(agent, '/pay/2')).toEqual(['welcome', ['jwt', 'jwks', 'jwt'], ['auth']]);
    // Each address is remembered with what it asked for.
    expect(await fetched(agent, '/pay/1')).toEqual(['welcome', ['jwt'], []]);
  });

  it('is found among the tokens held where one address asks with several documents', async () => {
    world.resource = async ({ body }, caller) => {
      const authRequestUrl = `${API}/documents/${body}`;
      if (caller.kind !== 'token-holder') return await world.challenge(caller, { authRequestUrl });
      const approved = authorizationDetailsOf(caller.token).map((detail) => detail['url']);
      return approved.includes(authRequestUrl)
        ? new Response('welcome')
        : await world.challenge(caller, { authRequestUrl, status: 403 });
    };
    const agent = world.agent();
    const pay = async (body: string) => {
      world.seen.length = 0;
      const response = await agent.fetch(`${API}/pay`, { method: 'POST', body });
      return [await response.text(), world.tokenRequests()];
    };
    expect(await pay('1')).toEqual(['welcome', ['auth']]);
    expect(await pay('2')).toEqual(['welcome', ['auth']]);
    expect(await pay('1')).toEqual(['welcome', []]);
    expect(await pay('2')).toEqual(['welcome', []]);
  });

  it('needs a person for each document once, and none for what they approved', async () => {
    const agent = world.approvingAgent();
    await fetched(agent, '/pay/1');
    await fetched(agent, '/pay/1');
    expect(world.asked).toHaveLength(1);
    await fetched(agent, '/pay/2');
    expect(world.asked).toHaveLength(2);
    await fetched(agent, '/pay/1');
    expect(world.asked).toHaveLength(2);
  });

  it('of two calls at once for one document is one flow, and for two documents two', async () => {
    const agent = world.approvingAgent();
    await Promise.all([agent.fetch(`${API}/pay/1`), agent.fetch(`${API}/pay/1`)]);
    expect(world.asked).toHaveLength(1);
    await Promise.all([agent.fetch(`${API}/pay/2`), agent.fetch(`${API}/pay/3`)]);
    expect(world.asked).toHaveLength(3);
  });

  it('is not taken for access to scopes, nor the reverse', async () => {
    const agent = world.agent();
    await fetched(agent, '/pay/1');
    world.resource = async ({ url }, caller) => {
      if (caller.kind !== 'token-holder') return await world.challenge(caller);
      return 'authorization_details' in caller.token.claims
        ? await world.challenge(caller, { status: 403 })
        : new Response(url);
    };
    expect((await fetched(agent, '/data'))[2]).toEqual(['auth']);
    askWithDocuments();
    expect((await fetched(agent, '/pay/1'))[2]).toEqual([]);
  });

  it('that never satisfies the resource ends with an error, not with asking for ever', async () => {
    world.resource = async (_seen, caller) =>
      await world.challenge(caller, {
        authRequestUrl: `${API}/documents/none`,
        status: caller.kind === 'token-holder' ? 403 : 401,
      });
    const error = await rejection(world.agent().fetch(`${API}/pay/1`));
    expect(isAAuthError(error, 'challenge_unmet')).toBe(true);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
  });
});

describe('an encrypted token', () => {
  let opener: Awaited<ReturnType<typeof loadTokenOpener>>;
  beforeAll(async () => {
    const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true });
    opener = await loadTokenOpener({
      keys: [{ ...(await exportJWK(pair.privateKey)), kid: 'enc-1' }],
    });
  });
  beforeEach(() => {
    world.tokenOpener = opener;
  });

  it('is kept and sent as it is, and nothing of it is known but what was asked and how long', async () => {
    const store = memoryStore();
    const agent = world.agent({ store });
    expect((await fetched(agent, '/pay/1'))[0]).toBe('welcome');
    const [held] = await store.tokens('', API);
    expect(held?.token.split('.')).toHaveLength(5);
    expect(held).toMatchObject({
      authRequestUrl: `${API}/documents/pay/1`,
      expiresAt: world.now + 3600,
    });
    const sent = world.seen.at(-1)?.signatureKey ?? '';
    expect(sent).toContain(`jwt="${held?.token}"`);
    expect(await fetched(agent, '/pay/1')).toEqual(['welcome', ['jwt'], []]);
  });

  it('is renewed without a person, by when the auth server said it ends', async () => {
    world.refreshTokens = true;
    const agent = world.approvingAgent();
    await fetched(agent, '/pay/1');
    world.now += 3600;
    expect(await fetched(agent, '/pay/1')).toEqual(['welcome', ['jwks', 'jwt'], ['refresh']]);
    expect(world.asked).toHaveLength(1);
  });

  it('that has been changed on the way is refused by the resource, and the agent asks for another', async () => {
    const store = memoryStore();
    const agent = world.agent({ store });
    await fetched(agent, '/pay/1');
    const [held] = await store.tokens('', API);
    if (held === undefined) throw new Error('nothing held');
    const parts = held.token.split('.');
    parts[3] = `${parts[3]?.startsWith('A') === true ? 'B' : 'A'}${parts[3]?.slice(1)}`;
    await store.removeToken('', API, held.token);
    await store.saveToken('', { ...held, token: parts.join('.') }, world.now);
    expect(await fetched(agent, '/pay/1')).toEqual([
      'welcome',
      ['jwt', 'jwks', 'jwks', 'jwt'],
      ['auth'],
    ]);
  });

  it('cannot be read by the agent: five parts are all it looks at', async () => {
    const expected = { authServer: AUTH, resource: API, agent: AGENT, keyThumbprint: 'x' };
    expect(await checkGrantedToken('a.b.c.d.e', expected)).toBeUndefined();
    for (const token of ['a.b.c.d', 'a.b.c.d.e.f', 'a.b.c.d.', 'a.b.c!.d.e']) {
      await expect(checkGrantedToken(token, expected)).rejects.toMatchObject({
        code: 'response_invalid',
      });
    }
  });
});
