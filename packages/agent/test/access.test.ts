import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isInteractionRequired, memoryStore } from '../src/index.js';
import {
  AGENT,
  API,
  AUTH,
  identifier,
  json,
  keysOf,
  rejection,
  SCOPE,
  tokenOf,
  until,
  World,
} from './world.js';

let world: World;
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a token without a person', () => {
  it('is asked for with the resource token, and the request repeated with it', async () => {
    const response = await world.agent().fetch(`${API}/data`);
    expect(await response.text()).toBe('welcome');
    expect(world.seen.map(({ method, url, scheme }) => `${method} ${url} ${scheme}`)).toEqual([
      `GET ${API}/data jwks`,
      `POST ${AUTH}/agent/token jwks`,
      `GET ${API}/data jwt`,
    ]);
    const form = world.seen[1]!;
    expect([...new URLSearchParams(form.body).keys()]).toEqual([
      'request_type',
      'resource_token',
      'redirect_uri',
      'state',
    ]);
    expect(form.headers.get('content-type')).toBe('application/x-www-form-urlencoded');
    expect(form.headers.has('nonce')).toBe(true);
    expect(form.init.redirect).toBe('manual');
  });

  it('leaves state out of the form under the 2026-01 wire', async () => {
    world.acceptWire = ['2026-01'];
    await world.agent({ wire: '2026-01' }).fetch(`${API}/data`);
    const form = world.to(AUTH)[0]!;
    expect([...new URLSearchParams(form.body).keys()]).toEqual([
      'request_type',
      'resource_token',
      'redirect_uri',
    ]);
    expect(form.headers.has('nonce')).toBe(false);
  });

  it('is used at once by the next call', async () => {
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.seen.length = 0;
    await agent.fetch(`${API}/other`);
    expect(world.seen.map(({ scheme }) => scheme)).toEqual(['jwt']);
  });

  it('goes to its own audience only', async () => {
    const second = identifier('https://second.example');
    await world.addResource(second);
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${second}/data`);
    await agent.fetch(`${API}/data`);
    for (const seen of world.seen) {
      const audience = tokenOf(seen)?.['aud'];
      if (audience !== undefined) expect(audience).toBe(new URL(seen.url).origin);
    }
    expect(world.to(second)[0]?.scheme).toBe('jwks');
  });

  it('that another call has got meanwhile is used: nobody is asked twice', async () => {
    const store = memoryStore();
    await world.agent({ store }).fetch(`${API}/data`);
    world.seen.length = 0;
    let reads = 0;
    const late = {
      ...store,
      tokens: (person: string, at: string) =>
        reads++ < 2 ? Promise.resolve([]) : store.tokens(person, at),
    };
    expect((await world.agent({ store: late }).fetch(`${API}/data`)).status).toBe(200);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks', 'jwt']);
    expect(world.tokenRequests()).toEqual([]);
  });

  it('is not waited for with a call that was abandoned', async () => {
    let asked = 0;
    world.token = () => (asked++ === 0 ? new Promise<never>(() => undefined) : undefined);
    const agent = world.agent();
    const abort = new AbortController();
    const first = rejection(agent.fetch(`${API}/data`, { signal: abort.signal }));
    await until(() => asked === 1);
    abort.abort(new Error('enough'));
    expect((await first).message).toBe('enough');
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
  });

  it('is not sent when a store hands out the token of another resource', async () => {
    const store = memoryStore();
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    const [stray] = await store.tokens('', API);
    const second = identifier('https://second.example');
    const confused = world.agent({ store: { ...store, tokens: () => Promise.resolve([stray!]) } });
    expect((await rejection(confused.fetch(`${second}/data`))).code).toBe('configuration_invalid');
    expect(world.to(second)).toEqual([]);
  });

  it('is kept apart by person key', async () => {
    const agent = world.agent();
    await agent.for('ann').fetch(`${API}/data`);
    await agent.for('bob').fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual([
      'jwks',
      'jwt',
      'jwks',
      'jwt',
      'jwks',
      'jwt',
    ]);
    world.seen.length = 0;
    await agent.for('ann').fetch(`${API}/data`);
    expect(world.seen.length).toBe(1);
  });

  it('is asked for again when the resource now names another auth server', async () => {
    const other = identifier('https://auth2.example');
    await world.addAuthServer(other);
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.authServer = other;
    world.resource = (_seen, caller) =>
      caller.kind === 'token-holder' && caller.token.issuer !== other
        ? new Response(null, { status: 401, headers: { 'Agent-Auth': 'httpsig; identity=?1' } })
        : undefined;
    world.seen.length = 0;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.seen.map(({ scheme }) => scheme)).toEqual(['jwt', 'jwks', 'jwks', 'jwt']);
    world.seen.length = 0;
    await agent.fetch(`${API}/data`);
    expect(world.seen.map(({ scheme }) => scheme)).toEqual(['jwt']);
  });
});

describe('scope', () => {
  it('is stepped up on 403, and both tokens serve their endpoints without asking again', async () => {
    const agent = world.agent();
    world.resource = (seen) => {
      world.wanted = [seen.url.endsWith('/read') ? 'data.read' : 'data.write'];
      return undefined;
    };
    await agent.fetch(`${API}/read`);
    expect((await agent.fetch(`${API}/write`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
    world.seen.length = 0;
    expect((await agent.fetch(`${API}/read`)).status).toBe(200);
    expect((await agent.fetch(`${API}/write`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual([]);
  });

  it('that is never enough ends after one more try', async () => {
    world.resource = async (_seen, caller) =>
      caller.kind === 'token-holder' ? await world.challenge(caller, { status: 403 }) : undefined;
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect(error.code).toBe('challenge_unmet');
    expect(error.message).toContain(API);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
    expect(world.to(API).length).toBe(3);
  });
});

describe('an expired token', () => {
  it('is renewed before it is sent, once for concurrent calls, and the refresh token is kept', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    for (let round = 0; round < 2; round++) {
      world.now += 3600;
      world.seen.length = 0;
      const all = await Promise.all([1, 2, 3].map(() => agent.fetch(`${API}/data`)));
      expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(world.tokenRequests()).toEqual(['refresh']);
      expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwt', 'jwt', 'jwt']);
    }
  });

  it('is asked for anew when renewing is refused, and the refresh token is forgotten', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.refreshable.clear();
    world.now += 3600;
    world.refreshTokens = false;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh', 'auth']);
    world.now += 3600;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh', 'auth', 'auth']);
  });

  it('is not renewed again after renewing was refused and so was everything else', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.now += 3600;
    world.token = () => json({ error: 'access_denied' }, 403);
    expect((await rejection(agent.fetch(`${API}/data`))).code).toBe('access_denied');
    expect((await rejection(agent.fetch(`${API}/data`))).code).toBe('access_denied');
    expect(world.tokenRequests()).toEqual(['auth', 'refresh', 'auth', 'auth']);
  });

  it('that another call has renewed meanwhile is not renewed a second time', async () => {
    world.refreshTokens = true;
    const store = memoryStore();
    await world.agent({ store }).fetch(`${API}/data`);
    const stale = await store.tokens('', API);
    world.now += 3600;
    await world.agent({ store }).fetch(`${API}/data`);
    world.seen.length = 0;
    let reads = 0;
    const late = {
      ...store,
      tokens: (person: string, at: string) =>
        reads++ === 0 ? Promise.resolve(stale) : store.tokens(person, at),
    };
    expect((await world.agent({ store: late }).fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual([]);
  });

  it('keeps its refresh token while the auth server cannot answer', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.now += 3600;
    world.token = () => json({ error: 'temporarily_unavailable' }, 503, { 'Retry-After': '9' });
    const error = await rejection(agent.fetch(`${API}/data`));
    expect([error.code, error.retryAfterSeconds]).toEqual(['temporarily_unavailable', 9]);
    world.token = () => undefined;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests().filter((type) => type === 'auth').length).toBe(1);
  });

  it('refused by the resource with a fresh challenge is renewed, then asked for, then given up', async () => {
    world.refreshTokens = true;
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.seen.length = 0;
    world.resource = async (_seen, caller) =>
      caller.kind === 'token-holder' ? await world.challenge(caller) : undefined;
    expect((await rejection(agent.fetch(`${API}/data`))).code).toBe('challenge_unmet');
    expect(world.tokenRequests()).toEqual(['refresh', 'auth']);
  });

  it('without a refresh token is dropped and asked for anew after 401', async () => {
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.seen.length = 0;
    let refusals = 1;
    world.resource = async (_seen, caller) =>
      caller.kind === 'token-holder' && refusals-- > 0 ? await world.challenge(caller) : undefined;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth']);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwt', 'jwt']);
  });

  it('refused with 401 is forgotten even when no other can be had', async () => {
    const agent = world.agent();
    await agent.fetch(`${API}/data`);
    world.token = () => json({ error: 'access_denied' }, 403);
    world.resource = async (_seen, caller) =>
      caller.kind === 'token-holder' ? await world.challenge(caller) : undefined;
    await rejection(agent.fetch(`${API}/data`));
    world.seen.length = 0;
    await rejection(agent.fetch(`${API}/data`));
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks']);
  });

  it('is renewed, not sent, after the key has changed', async () => {
    world.refreshTokens = true;
    const store = memoryStore();
    await world.agent({ store }).fetch(`${API}/data`);
    const keys = await keysOf('key-2');
    world.keys.set(AGENT, keys);
    world.seen.length = 0;
    expect((await world.agent({ store, keys }).fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['refresh']);
  });
});

describe('what an auth server grants', () => {
  it.each<[string, Partial<World['authTokenClaims']>, string]>([
    ['for another resource', { audience: identifier('https://other.example') }, 'aud_other'],
    ['of another issuer', { issuer: identifier('https://other.example') }, 'iss_other'],
    ['for another agent', { agent: identifier('https://other.example') }, 'agent_other'],
  ])('is refused when it is %s', async (_, claims, rule) => {
    world.authTokenClaims = claims;
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect([error.code, error.rule]).toEqual(['response_invalid', rule]);
    expect(world.to(API).length).toBe(1);
  });

  it('is refused when it is bound to another key', async () => {
    world.authTokenClaims = { confirmation: (await keysOf('stranger')).current.publicJwk };
    expect((await rejection(world.agent().fetch(`${API}/data`))).rule).toBe('cnf_other');
    expect(world.to(API).length).toBe(1);
  });

  it('is opaque when it is encrypted', async () => {
    const token = 'eyJh.AA.BB.CC.DD';
    world.token = () => json({ auth_token: token, expires_in: 60 });
    world.handlers.set(API, (_request, seen) =>
      seen.signatureKey.includes(token) ? new Response('welcome') : challengeOnce(),
    );
    const challenge = await world.challenge({
      kind: 'agent',
      scheme: 'jwks',
      key: await import('@countersign/httpsig').then(({ importVerificationKey }) =>
        importVerificationKey(world.agentKeys.current.publicJwk),
      ),
      agent: AGENT,
      delegate: undefined,
    });
    const challengeOnce = () => challenge;
    expect(await (await world.agent().fetch(`${API}/data`)).text()).toBe('welcome');
  });

  const good = { request_token: 'r', expires_in: 600 };
  it.each<[string, () => Response]>([
    ['not JSON by its type', () => new Response(JSON.stringify(good))],
    ['not JSON', () => new Response('{', { headers: { 'Content-Type': 'application/json' } })],
    ['an array', () => json([])],
    ['longer than 64 KiB', () => json({ ...good, more: 'x'.repeat(65_536) })],
    ['without expires_in', () => json({ request_token: 'r' })],
    ['with expires_in 0', () => json({ ...good, expires_in: 0 })],
    ['with a fractional expires_in', () => json({ ...good, expires_in: 1.5 })],
    ['with expires_in as text', () => json({ ...good, expires_in: '600' })],
    ['with a token over 8 KiB', () => json({ auth_token: 'x'.repeat(8193), expires_in: 60 })],
    ['with a token that is no text', () => json({ auth_token: 1, expires_in: 60 })],
    ['with a token that is no JWT', () => json({ auth_token: 'abc', expires_in: 60 })],
    ['with both tokens', () => json({ ...good, auth_token: 'a.b.c' })],
    ['with neither token', () => json({ expires_in: 60 })],
    ['with an empty request_token', () => json({ ...good, request_token: '' })],
    ['with status 201', () => json(good, 201)],
    ['with a redirect', () => new Response(null, { status: 302, headers: { Location: '/x' } })],
    ['with an error nobody knows', () => json({ error: 'teapot' }, 400)],
  ])('is refused %s', async (_, answer) => {
    world.token = answer;
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect(error.code).toBe('response_invalid');
    expect(error.message).toContain(AUTH);
    expect(world.asked).toEqual([]);
    expect(world.seen.length).toBe(2);
  });

  it('is not followed elsewhere: a redirect of the token endpoint is refused', async () => {
    world.token = () =>
      new Response(null, { status: 307, headers: { Location: 'https://evil.example/' } });
    await rejection(world.agent().fetch(`${API}/data`));
    expect(world.to('https://evil.example')).toEqual([]);
  });

  it.each([
    ['access_denied', 403],
    ['invalid_request', 400],
    ['invalid_scope', 400],
    ['invalid_resource_token', 400],
    ['invalid_signature', 401],
  ])('keeps the code %s and says who refused', async (code, status) => {
    world.token = () =>
      json({ error: code, error_description: `no\u0007\n\u202e${'x'.repeat(900)}` }, status);
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect(error.code).toBe(code);
    expect(error.message).toContain(AUTH);
    expect(error.message).not.toContain('xx');
    expect(error.detail).toContain('no xxx');
    expect(error.detail?.length).toBeLessThan(260);
    expect(error.detail).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('is temporarily unavailable when the server cannot be reached, is broken or overloaded', async () => {
    world.token = () => {
      throw new TypeError('fetch failed');
    };
    expect((await rejection(world.agent().fetch(`${API}/data`))).code).toBe(
      'temporarily_unavailable',
    );
    world.token = () => new Response('<html>', { status: 500 });
    expect((await rejection(world.agent().fetch(`${API}/data`))).code).toBe(
      'temporarily_unavailable',
    );
    world.token = () => new Response(null, { status: 429, headers: { 'Retry-After': '30' } });
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect([error.code, error.retryAfterSeconds]).toEqual(['too_many_requests', 30]);
  });

  it.each([
    ['whose issuer is another', { issuer: 'https://evil.example' }],
    ['whose token endpoint is elsewhere', { agent_token_endpoint: 'https://evil.example/token' }],
    ['whose consent page is elsewhere', { agent_auth_endpoint: 'https://evil.example/auth' }],
  ])('is not asked for at a server %s', async (_, change) => {
    const name = `${AUTH} aauth-issuer`;
    world.published.set(name, { ...world.published.get(name), ...change });
    expect((await rejection(world.agent().fetch(`${API}/data`))).code).toBe('discovery_failed');
    expect(world.seen.map(({ url }) => new URL(url).origin)).toEqual([API]);
  });

  it('is not asked for when the challenge fails a check', async () => {
    world.resourceClaims = { agent: identifier('https://other.example') };
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect([error.code, error.rule]).toEqual(['challenge_refused', 'agent_other']);
    expect(world.to(AUTH)).toEqual([]);
  });
});

describe('a person', () => {
  it('approves in the browser, and fetch goes on by itself', async () => {
    const agent = world.approvingAgent();
    expect(await (await agent.fetch(`${API}/data`)).text()).toBe('welcome');
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
    const [auth, code] = world.to(AUTH).map(({ body }) => new URLSearchParams(body));
    expect([...code!.keys()]).toEqual(['request_type', 'code', 'redirect_uri']);
    expect(code?.get('redirect_uri')).toBe(`${AGENT}/callback`);
    const consent = new URL(world.asked[0]!.url);
    expect(consent.origin + consent.pathname).toBe(`${AUTH}/agent/auth`);
    expect([...consent.searchParams.keys()]).toEqual(['request_token', 'redirect_uri', 'state']);
    expect(consent.searchParams.get('state')).toBe(auth?.get('state'));
    expect(consent.searchParams.get('state')).toMatch(/^[\w-]{43}$/);
    expect(world.asked[0]).toMatchObject({
      authServer: AUTH,
      resource: API,
      scope: SCOPE,
      agent: AGENT,
      expiresAt: world.now + 600,
    });
    expect(world.asked[0]?.signal.aborted).toBe(true);
  });

  it('is sent to a consent page that has a query of its own', async () => {
    const name = `${AUTH} aauth-issuer`;
    world.published.set(name, {
      ...world.published.get(name),
      agent_auth_endpoint: `${AUTH}/auth?tenant=7`,
    });
    await world.approvingAgent().fetch(`${API}/data`);
    expect(world.asked[0]?.url).toMatch(/^https:\/\/auth\.example\/auth\?tenant=7&request_token=/);
  });

  it('is asked once by calls that meet the same challenge, or a smaller one', async () => {
    world.consent = 'person';
    const agent = world.agent();
    world.resource = (seen) => {
      world.wanted = seen.url.endsWith('/read') ? ['data.read'] : SCOPE;
      return undefined;
    };
    const calls = [agent.fetch(`${API}/data`), agent.fetch(`${API}/data`)];
    await until(() => world.asked.length > 0);
    calls.push(agent.fetch(`${API}/read`));
    await until(() => world.to(API).length >= 3);
    await agent.handle(new Request(world.approve(world.asked[0]!.url)));
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(world.asked.length).toBe(1);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('is asked anew for more scope, for another person key and for another resource', async () => {
    world.consent = 'person';
    const second = identifier('https://second.example');
    await world.addResource(second);
    const agent = world.agent();
    world.wanted = ['data.read'];
    const abort = new AbortController();
    const { signal } = abort;
    const calls = [agent.fetch(`${API}/data`, { signal })];
    await until(() => world.asked.length === 1);
    calls.push(agent.for('ann').fetch(`${API}/data`, { signal }));
    await until(() => world.asked.length === 2);
    calls.push(agent.fetch(`${second}/data`, { signal }));
    await until(() => world.asked.length === 3);
    world.wanted = SCOPE;
    calls.push(agent.fetch(`${API}/data`, { signal }));
    await until(() => world.asked.length === 4);
    abort.abort();
    const results = await Promise.allSettled(calls);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('who says no rejects the call with interaction_denied', async () => {
    world.consent = 'person';
    const agent = world.agent();
    const call = rejection(agent.fetch(`${API}/data`));
    await until(() => world.asked.length === 1);
    const { url } = world.asked[0]!;
    const address = world.answer(url, {
      error: 'access_denied',
      error_description: 'no\u001b[31m',
      iss: AUTH,
    });
    const page = await agent.handle(new Request(address));
    expect([page?.status, await page?.text()]).toEqual([
      200,
      expect.stringContaining('Not approved'),
    ]);
    const error = await call;
    expect(error.code).toBe('interaction_denied');
    expect(error.message).toContain(AUTH);
    expect(error.detail).toBe('access_denied: no [31m');
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('who takes too long rejects the call with interaction_timeout; the late answer is refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    world.consent = 'person';
    const agent = world.agent({ interactionTimeoutSeconds: 60 });
    const call = rejection(agent.fetch(`${API}/data`));
    await until(() => world.asked.length === 1);
    vi.advanceTimersByTime(59_999);
    world.now += 60;
    vi.advanceTimersByTime(1);
    expect((await call).code).toBe('interaction_timeout');
    const late = await agent.acceptCallback(world.approve(world.asked[0]!.url));
    expect(late.kind).toBe('refused');
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('has no longer than the auth server allows', async () => {
    world.token = () => json({ request_token: 'r', expires_in: 30 });
    const agent = world.agent();
    const abort = new AbortController();
    const call = agent.fetch(`${API}/data`, { signal: abort.signal }).catch(() => undefined);
    await until(() => world.asked.length === 1);
    expect(world.asked[0]?.expiresAt).toBe(world.now + 30);
    abort.abort();
    await call;
  });

  it('is no longer waited for once every caller has aborted; one that stays is served', async () => {
    world.consent = 'person';
    const agent = world.agent();
    const first = new AbortController();
    const second = new AbortController();
    const one = rejection(agent.fetch(`${API}/data`, { signal: first.signal }));
    const two = agent.fetch(`${API}/data`, { signal: second.signal });
    await until(() => world.asked.length === 1 && world.to(API).length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    first.abort(new Error('enough'));
    expect((await one).message).toBe('enough');
    expect(world.asked[0]?.signal.aborted).toBe(false);
    await agent.handle(new Request(world.approve(world.asked[0]!.url)));
    expect((await two).status).toBe(200);

    const third = new AbortController();
    const three = rejection(agent.for('ann').fetch(`${API}/data`, { signal: third.signal }));
    await until(() => world.asked.length === 2);
    third.abort(new Error('gone'));
    expect((await three).message).toBe('gone');
    await until(() => world.asked[1]!.signal.aborted);
    expect((await agent.acceptCallback(world.approve(world.asked[1]!.url))).kind).toBe('refused');
  });

  it('who cannot be asked rejects the call with interaction_failed', async () => {
    world.consent = 'person';
    const interaction = {
      mode: 'wait' as const,
      present: () => {
        throw new Error('no display');
      },
    };
    const error = await rejection(world.agent({ interaction }).fetch(`${API}/data`));
    expect(error.code).toBe('interaction_failed');
    expect((error.cause as Error).message).toBe('no display');
  });

  it('is asked at most sixteen things at a time: the oldest gives way', async () => {
    world.consent = 'person';
    const agent = world.agent();
    const abort = new AbortController();
    const outcomes: string[] = [];
    for (let at = 0; at < 17; at++) {
      world.wanted = [`scope-${at}`];
      agent.fetch(`${API}/data`, { signal: abort.signal }).catch((error: { code?: string }) => {
        outcomes.push(`${at} ${error.code}`);
      });
      await until(() => world.asked.length === at + 1);
    }
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(['0 interaction_timeout']);
    abort.abort();
    await until(() => outcomes.length === 17);
  });
});

describe("a person at the resource's own page", () => {
  const connect = { 'Agent-Auth': `httpsig; user_interaction="${API}/connect?step=1"` };

  it('comes back with a code that the next request carries, covered, once', async () => {
    world.resource = (seen) =>
      seen.headers.get('interaction-code') === 'once'
        ? new Response('connected')
        : new Response(null, { status: 401, headers: connect });
    const agent = world.agent({
      interaction: {
        mode: 'wait',
        present: async (request) => {
          world.asked.push(request);
          const back = new URL(new URL(request.url).searchParams.get('return_url')!);
          back.searchParams.set('interaction_code', 'once');
          await agent.handle(new Request(back));
        },
      },
    });
    expect(await (await agent.fetch(`${API}/data`)).text()).toBe('connected');
    const page = new URL(world.asked[0]!.url);
    expect(page.origin + page.pathname).toBe(`${API}/connect`);
    expect(page.searchParams.get('step')).toBe('1');
    expect(page.searchParams.get('return_url')).toMatch(
      /^https:\/\/agent\.example\/callback\?state=[\w-]{43}$/,
    );
    expect(world.asked[0]?.authServer).toBeUndefined();
    expect(world.seen[1]?.headers.get('signature-input')).toContain('"interaction-code"');
    world.resource = () => new Response('ok');
    await agent.fetch(`${API}/data`);
    expect(world.seen.at(-1)?.headers.has('interaction-code')).toBe(false);
  });

  it('is not sent there again with the same code when the resource asks for a token next', async () => {
    const store = memoryStore();
    await store.saveInteractionCode('', API, { code: 'once', expiresAt: world.now + 60 });
    expect((await world.agent({ store }).fetch(`${API}/data`)).status).toBe(200);
    const carried = world.to(API).map(({ headers }) => headers.get('interaction-code'));
    expect(carried).toEqual(['once', null]);
  });

  it('is bound to the browser of a web application, whose next request carries the code', async () => {
    world.resource = (seen) =>
      new Response(
        null,
        seen.headers.has('interaction-code') ? {} : { status: 401, headers: connect },
      );
    const agent = world.agent({ interaction: { mode: 'redirect' } });
    const error = await rejection(agent.for('ann').fetch(`${API}/data`));
    if (!isInteractionRequired(error)) throw error;
    const response = error.interaction.response();
    const back = new URL(
      new URL(response.headers.get('location')!).searchParams.get('return_url')!,
    );
    back.searchParams.set('interaction_code', 'once');
    expect((await agent.handle(new Request(back)))?.status).toBe(400);
    const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
    expect((await agent.handle(new Request(back, { headers: { cookie } })))?.status).toBe(200);
    expect(
      (
        await agent
          .for('bob')
          .fetch(`${API}/data`)
          .catch(() => undefined)
      )?.status,
    ).toBeUndefined();
    expect((await agent.for('ann').fetch(`${API}/data`)).status).toBe(200);
  });

  const NAME = 'S'.repeat(43);
  const carried = () => world.to(API).map(({ headers }) => headers.get('interaction-session'));

  it('is named from then on as the resource says in its answer to the code, covered', async () => {
    const store = memoryStore();
    await store.saveInteractionCode('ann', API, { code: 'once', expiresAt: world.now + 60 });
    world.resource = (seen) =>
      new Response('ok', {
        headers: seen.headers.has('interaction-code') ? { 'Interaction-Session': NAME } : {},
      });
    const agent = world.agent({ store });
    for (let times = 0; times < 2; times++) await agent.for('ann').fetch(`${API}/data`);
    await agent.for('bob').fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(carried()).toEqual([null, NAME, null, null]);
    expect(world.to(API)[1]?.headers.get('signature-input')).toContain('"interaction-session"');
  });

  it('is not named by an answer to a request without a code, or by what is no name', async () => {
    const store = memoryStore();
    world.resource = () => new Response('ok', { headers: { 'Interaction-Session': NAME } });
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    await store.saveInteractionCode('', API, { code: 'once', expiresAt: world.now + 60 });
    world.resource = () => new Response('ok', { headers: { 'Interaction-Session': `${NAME}"` } });
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(carried()).toEqual([null, null, null]);
  });

  it('is named to the resource that named them, and by nobody who shows a bare key', async () => {
    const store = memoryStore();
    const session = { code: NAME, expiresAt: world.now + 60 };
    await store.saveInteractionSession('', 'https://other.example', session, world.now);
    world.resource = () => new Response('ok');
    await world.agent({ store }).fetch(`${API}/data`);
    await store.saveInteractionSession('', API, session, world.now);
    await world.agent({ store, scheme: 'hwk' }).fetch(`${API}/data`);
    expect(carried()).toEqual([null, null]);
  });

  it('cannot be named by the caller of fetch', async () => {
    const headers = { 'Interaction-Session': NAME };
    const error = await rejection(world.agent().fetch(`${API}/data`, { headers }));
    expect(error.code).toBe('configuration_invalid');
    expect(world.seen).toEqual([]);
  });
});
