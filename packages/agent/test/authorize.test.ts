import { issueResourceToken, resourceDocument } from '@countersign/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { isInteractionRequired, memoryStore } from '../src/index.js';
import { API, AUTH, identifier, json, rejection, until, World, type Seen } from './world.js';

const ENDPOINT = `${API}/aauth/resource-token`;
const OTHER = identifier('https://other.example');
type Claims = Parameters<typeof issueResourceToken>[1];

let world: World;
/** What the endpoint's answer says instead of the truth. */
let claims: Partial<Claims>;
let authServer: string;
let endpoint: (seen: Seen) => Response | undefined;

beforeEach(async () => {
  world = await World.create();
  claims = {};
  authServer = AUTH;
  endpoint = () => undefined;
  publish({ resourceTokenEndpoint: ENDPOINT });
  world.resource = async (seen, caller) => {
    if (seen.url !== ENDPOINT) return undefined;
    const special = endpoint(seen);
    if (special !== undefined) return special;
    if (caller.kind !== 'agent') throw new Error('the endpoint is asked with an identity');
    const scope = new URLSearchParams(seen.body).get('scope')?.split(' ') ?? [];
    const resource_token = await issueResourceToken(world.keys.get(API)!.current, {
      resource: API,
      authServer: AUTH,
      agent: caller.agent,
      agentThumbprint: caller.key.thumbprint,
      scope,
      now: world.now,
      tokenId: 'rt',
      ...claims,
    });
    return json({ resource_token, auth_server: authServer, expires_in: 600 });
  };
});

function publish(metadata: { resourceTokenEndpoint?: string }): void {
  const document = resourceDocument({ resource: API, jwksUri: `${API}/jwks.json`, ...metadata });
  world.published.set(`${API} aauth-resource`, document);
}

const read = { scopes: ['data.read'] };
const line = ({ method, url, scheme }: Seen) => `${method} ${url} ${scheme}`;

describe('agent.authorize', () => {
  it('asks the resource for a resource token and its auth server for a token; the next fetch meets no 401', async () => {
    world.wanted = ['data.read'];
    const agent = world.agent();
    expect(await agent.authorize(API, read)).toEqual({
      resource: API,
      authServer: AUTH,
      scope: ['data.read'],
      expiresAt: world.now + 3600,
    });
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.seen.map(line)).toEqual([
      `POST ${ENDPOINT} jwks`,
      `POST ${AUTH}/agent/token jwks`,
      `GET ${API}/data jwt`,
    ]);
    const form = world.seen[0]!;
    expect(form.body).toBe('scope=data.read');
    expect(form.headers.get('content-type')).toBe('application/x-www-form-urlencoded');
    expect(form.headers.has('nonce')).toBe(true);
    expect(form.init.redirect).toBe('manual');
  });

  it('sends nothing when a token that covers it is held, in whatever order', async () => {
    const agent = world.agent();
    await agent.authorize(API, { scopes: ['data.read', 'data.write'] });
    world.seen.length = 0;
    await agent.authorize(new URL(API), { scopes: ['data.write'] });
    expect(world.seen).toEqual([]);
    await agent.authorize(API, { scopes: ['data.delete'] });
    expect(world.seen.length).toBe(2);
  });

  it('has the person asked if need be, and goes on by itself', async () => {
    world.wanted = ['data.read'];
    const agent = world.approvingAgent();
    await agent.authorize(API, read);
    expect(world.asked[0]).toMatchObject({ resource: API, scope: ['data.read'] });
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('tells a web application to send the browser, once for many calls, and is done after the callback', async () => {
    world.consent = 'person';
    const owner = world.agent({ interaction: { mode: 'redirect' } });
    const agent = owner.for('ann');
    const errors = await Promise.all([1, 2].map(() => rejection(agent.authorize(API, read))));
    expect(errors.every(isInteractionRequired)).toBe(true);
    expect(errors[0]).toMatchObject({ code: 'interaction_required', retry: 'after-approval' });
    expect(world.to(API).length).toBe(1);
    const [error] = errors;
    if (!isInteractionRequired(error)) throw error;
    const cookie = error.interaction.response().headers.get('set-cookie')!.split(';')[0]!;
    const back = new Request(world.approve(error.interaction.url), { headers: { cookie } });
    expect((await owner.handle(back))?.status).toBe(200);
    world.seen.length = 0;
    expect((await agent.authorize(API, read)).scope).toEqual(['data.read']);
    expect(world.seen).toEqual([]);
  });

  it('shares one flow among calls for the same thing and with a fetch that is challenged for it', async () => {
    world.consent = 'person';
    world.wanted = ['data.read'];
    const agent = world.agent();
    const calls = [agent.authorize(API, read), agent.authorize(API, read)];
    await until(() => world.asked.length === 1);
    const fetched = agent.fetch(`${API}/data`);
    await until(() => world.to(API).length === 2);
    await agent.handle(new Request(world.approve(world.asked[0]!.url)));
    await Promise.all(calls);
    expect((await fetched).status).toBe(200);
    expect(world.asked.length).toBe(1);
    expect(world.to(API).map(line)).toEqual([
      `POST ${ENDPOINT} jwks`,
      `GET ${API}/data jwks`,
      `GET ${API}/data jwt`,
    ]);
  });

  it('lets an agent that begins with its bare key climb at once', async () => {
    world.wanted = ['data.read'];
    const agent = world.agent({ scheme: 'hwk', climb: 'authorization' });
    await agent.authorize(API, read);
    await agent.fetch(`${API}/data`);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks', 'jwt']);
  });

  it('keeps people apart', async () => {
    const agent = world.agent();
    await agent.for('ann').authorize(API, read);
    await agent.for('bob').authorize(API, read);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
    world.seen.length = 0;
    await agent.for('ann').authorize(API, read);
    expect(world.seen).toEqual([]);
  });

  it('renews a token that has run out before it asks for another', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.authorize(API, read);
    world.now += 3600;
    world.seen.length = 0;
    expect((await agent.authorize(API, read)).expiresAt).toBe(world.now + 3600);
    expect(world.seen.map(line)).toEqual([`POST ${AUTH}/agent/token jwks`]);
    world.refreshable.clear();
    world.now += 3600;
    world.seen.length = 0;
    await agent.authorize(API, read);
    expect(world.tokenRequests()).toEqual(['refresh', 'auth']);
    expect(world.to(API).length).toBe(1);
  });

  it('that one caller aborts goes on for the others', async () => {
    world.consent = 'person';
    const agent = world.agent();
    const abort = new AbortController();
    const gone = rejection(agent.authorize(API, { ...read, signal: abort.signal }));
    const stays = agent.authorize(API, read);
    await until(() => world.asked.length === 1);
    abort.abort(new Error('enough'));
    expect((await gone).message).toBe('enough');
    expect(world.asked[0]?.signal.aborted).toBe(false);
    await agent.handle(new Request(world.approve(world.asked[0]!.url)));
    expect((await stays).scope).toEqual(['data.read']);
    const aborted = AbortSignal.abort(new Error('before'));
    expect(
      (await rejection(agent.authorize(API, { scopes: ['x'], signal: aborted }))).message,
    ).toBe('before');
  });
});

describe('agent.authorize is refused, and nobody is asked for a token,', () => {
  async function refused(
    options: Parameters<World['agent']>[0] = {},
    scopes: readonly string[] = ['data.read'],
    resource: string = API,
  ) {
    const store = memoryStore();
    const error = await rejection(
      world.agent({ store, ...options }).authorize(resource, { scopes }),
    );
    expect(world.to(AUTH)).toEqual([]);
    expect(await store.tokens('', API)).toEqual([]);
    return error;
  }

  it('when the resource publishes no endpoint, or one on another origin', async () => {
    for (const metadata of [{}, { resourceTokenEndpoint: `${OTHER}/token` }]) {
      publish(metadata);
      expect(await refused()).toMatchObject({
        code: 'discovery_failed',
        rule: 'resource_token_endpoint_missing',
        refusedBy: 'resource',
        retry: 'never',
      });
    }
    expect(world.seen).toEqual([]);
  });

  it('when the resource has no metadata', async () => {
    world.published.delete(`${API} aauth-resource`);
    expect(await refused()).toMatchObject({ code: 'discovery_failed', retry: 'later' });
    expect(world.seen).toEqual([]);
  });

  it.each([
    ['invalid_scope', 400, 'never'],
    ['invalid_signature', 401, 'never'],
    ['access_denied', 403, 'never'],
    ['temporarily_unavailable', 503, 'later'],
  ])('when the endpoint answers %s', async (code, status, retry) => {
    endpoint = () => json({ error: code, error_description: 'no' }, status);
    const error = await refused();
    expect(error).toMatchObject({ code, refusedBy: 'resource', retry });
    expect(error.message).toContain(API);
  });

  it('when the endpoint has had enough, or cannot be reached', async () => {
    endpoint = () => new Response(null, { status: 429, headers: { 'Retry-After': '7' } });
    expect(await refused()).toMatchObject({
      code: 'too_many_requests',
      retryAfterSeconds: 7,
      refusedBy: 'resource',
    });
    world.handlers.delete(API);
    expect(await refused()).toMatchObject({
      code: 'temporarily_unavailable',
      rule: 'unreachable',
      refusedBy: undefined,
      retry: 'later',
    });
  });

  const answer = { resource_token: 'a.b.c', auth_server: AUTH, expires_in: 600 };
  it.each<[string, () => Response]>([
    ['is not JSON by its type', () => new Response(JSON.stringify(answer))],
    ['is an array', () => json([])],
    ['is longer than 64 KiB', () => json({ ...answer, more: 'x'.repeat(65_536) })],
    ['has no resource token', () => json({ auth_server: AUTH })],
    [
      'has a resource token over 8 KiB',
      () => json({ ...answer, resource_token: 'x'.repeat(8193) }),
    ],
    ['names no auth server', () => json({ resource_token: 'a.b.c' })],
    ['has status 201', () => json(answer, 201)],
    ['is a redirect', () => new Response(null, { status: 307, headers: { Location: OTHER } })],
    ['has an error nobody knows', () => json({ error: 'teapot' }, 400)],
  ])('when the answer %s', async (_, special) => {
    endpoint = special;
    expect(await refused()).toMatchObject({ code: 'response_invalid', refusedBy: 'agent' });
    expect(world.to(OTHER)).toEqual([]);
  });

  it.each<[string, Partial<Claims>, string]>([
    ['of another resource', { resource: OTHER }, 'resource_other'],
    ['for another agent', { agent: OTHER }, 'agent_other'],
    ['for another key', { agentThumbprint: 'x'.repeat(43) }, 'agent_jkt_other'],
    ['for another auth server than named', { authServer: OTHER }, 'auth_server_other'],
    ['that has expired', { now: 1_768_786_030 - 700 }, 'resource_token_expired'],
    ['for more than was wanted', { scope: ['data.read', 'data.write'] }, 'scope_other'],
    ['for something else', { scope: ['data.write'] }, 'scope_other'],
    ['with an Auth Request Document', { authRequestUrl: `${API}/request` }, 'scope_other'],
  ])('when the resource token is one %s', async (_, changed, rule) => {
    claims = changed;
    expect(await refused()).toMatchObject({
      code: 'challenge_refused',
      rule,
      refusedBy: 'agent',
      retry: 'never',
    });
  });

  it('when the answer names another auth server than its resource token', async () => {
    authServer = OTHER;
    expect(await refused()).toMatchObject({ rule: 'auth_server_other' });
    expect(world.to(OTHER)).toEqual([]);
  });

  it('when it is no resource token', async () => {
    endpoint = () => json({ ...answer, resource_token: 'abc' });
    expect(await refused()).toMatchObject({ rule: 'resource_token_invalid' });
  });

  it.each<[string, readonly string[], string]>([
    ['without scopes', [], API],
    ['with an empty scope', [''], API],
    ['with a scope that has a space', ['a b'], API],
    ['with an address for a resource', ['a'], `${API}/data`],
    ['with plain http', ['a'], 'http://api.example'],
  ])('when it is called %s', async (_, scopes, resource) => {
    expect(await refused({}, scopes, resource)).toMatchObject({
      code: 'configuration_invalid',
      refusedBy: 'agent',
    });
    expect(world.seen).toEqual([]);
  });

  it('when the agent may not climb so far', async () => {
    for (const options of [{ scheme: 'hwk' }, { climb: 'identity' }] as const) {
      expect(await refused(options)).toMatchObject({ code: 'configuration_invalid' });
    }
    expect(world.seen).toEqual([]);
  });
});

it('what was granted for less is refused, and kept for what it opens', async () => {
  world.authTokenClaims = { scope: ['data.read'] };
  const agent = world.agent();
  const scopes = ['data.read', 'data.write', 'openid'];
  expect(await rejection(agent.authorize(API, { scopes }))).toMatchObject({
    code: 'insufficient_scope',
    rule: 'granted_less',
    refusedBy: 'auth-server',
    retry: 'ask-person-again',
  });
  world.seen.length = 0;
  expect((await agent.authorize(API, read)).scope).toEqual(['data.read', 'openid']);
  world.wanted = ['data.read'];
  expect((await agent.fetch(`${API}/data`)).status).toBe(200);
  expect(world.seen.map(line)).toEqual([`GET ${API}/data jwt`]);
});

it('a token that is granted for another resource is not kept', async () => {
  world.authTokenClaims = { audience: OTHER };
  const store = memoryStore();
  const error = await rejection(world.agent({ store }).authorize(API, read));
  expect(error).toMatchObject({ code: 'response_invalid', rule: 'aud_other' });
  expect(await store.tokens('', API)).toEqual([]);
});
