import { beforeEach, describe, expect, it } from 'vitest';
import { type AAuthError, issueAuthToken, type KeySet, signJws } from '@countersign/protocol';
import {
  type Agent,
  type AgentOptions,
  type CallbackOutcome,
  isInteractionRequired,
  memoryStore,
  personKey,
  type SignedInPerson,
  type SignInCallback,
} from '../src/index.js';
import { AGENT, API, AUTH, identifier, json, keysOf, rejection, until, World } from './world.js';

const OTHER_AUTH = identifier('https://other-auth.example');

let world: World;
/** What the application was told, in order. */
let told: { person: SignedInPerson; callback: SignInCallback }[];
let failed: { error: AAuthError; callback: SignInCallback }[];
beforeEach(async () => {
  world = await World.create();
  world.consent = 'person';
  told = [];
  failed = [];
});

const get = (url: string, headers: Record<string, string> = {}) => new Request(url, { headers });

/** A web application whose session is one cookie. */
const application = (more: Partial<AgentOptions> = {}): Agent =>
  world.agent({
    interaction: { mode: 'redirect' },
    onSignedIn(person, callback) {
      told.push({ person, callback });
      const headers = { Location: callback.returnTo ?? '/', 'Set-Cookie': 'session=new' };
      return new Response(null, { status: 303, headers });
    },
    ...more,
  });

interface Started {
  readonly url: string;
  readonly cookie: string;
}

async function started(
  agent: Agent,
  options?: Parameters<Agent['startSignIn']>[1],
): Promise<Started> {
  const response = await agent.startSignIn(AUTH, options);
  expect(response.status).toBe(303);
  return {
    url: response.headers.get('location') ?? '',
    cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '',
  };
}

const formOf = (index: number) => new URLSearchParams(world.to(AUTH)[index]?.body);

describe('a web application signs people in', () => {
  it('by asking the auth server with its scopes, and sending the browser there with a cookie of its own', async () => {
    const response = await application().startSignIn(AUTH, { scopes: ['openid', 'email'] });
    expect([...formOf(0).keys()]).toEqual(['request_type', 'scope', 'redirect_uri', 'state']);
    expect(Object.fromEntries(formOf(0))).toMatchObject({
      request_type: 'auth',
      scope: 'openid email',
      redirect_uri: `${AGENT}/callback`,
    });
    expect(world.to(AUTH)[0]?.scheme).toBe('jwks');
    expect(response.status).toBe(303);
    const location = new URL(response.headers.get('location') ?? '');
    expect(location.origin + location.pathname).toBe(`${AUTH}/agent/auth`);
    expect(location.searchParams.get('state')).toBe(formOf(0).get('state'));
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-countersign-[\w-]{16}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('asks for openid alone unless told otherwise', async () => {
    await started(application());
    expect(formOf(0).get('scope')).toBe('openid');
  });

  it('and is given a verified person, once, in the browser that started', async () => {
    world.authTokenClaims = {
      claims: { name: 'Ann <b>', email: 'ann@mail.example', email_verified: true },
    };
    const agent = application();
    const { url, cookie } = await started(agent, { returnTo: '/report?id=7' });
    const request = get(world.approve(url), { cookie: `a=b; ${cookie}`, 'x-test': 'yes' });
    const answer = await agent.handle(request);
    expect(told).toHaveLength(1);
    const { person, callback } = told[0]!;
    expect(person).toEqual({
      issuer: AUTH,
      subject: 'sub-ann',
      key: expect.stringMatching(/^[\w-]{43}$/),
      claims: { name: 'Ann <b>', email: 'ann@mail.example', emailVerified: true },
      expiresAt: world.now + 3600,
    });
    expect(callback.returnTo).toBe('/report?id=7');
    expect(callback.request.headers.get('x-test')).toBe('yes');
    expect([answer?.status, answer?.headers.get('location')]).toEqual([303, '/report?id=7']);
    const [session, removed, ...more] = answer?.headers.getSetCookie() ?? [];
    expect(session).toBe('session=new');
    expect(removed).toBe(
      `${cookie.split('=')[0]}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure`,
    );
    expect(more).toEqual([]);
    expect(answer?.headers.get('cache-control')).toBe('no-store');
    expect(answer?.headers.get('referrer-policy')).toBe('no-referrer');
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('who has no claims when none were given', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    await agent.handle(get(world.approve(url), { cookie }));
    expect(told[0]?.person.claims).toEqual({});
    expect(told[0]?.callback.returnTo).toBeUndefined();
  });

  it('may answer with a response whose headers cannot be changed', async () => {
    const agent = application({ onSignedIn: () => Response.redirect(`${AGENT}/home`, 303) });
    const { url, cookie } = await started(agent);
    const answer = await agent.handle(get(world.approve(url), { cookie }));
    expect([answer?.status, answer?.headers.get('location')]).toEqual([303, `${AGENT}/home`]);
    expect(answer?.headers.get('set-cookie')).toContain('Max-Age=0');
  });

  it('names the person by issuer and subject, the same each time, and never by email', async () => {
    world.authTokenClaims = { claims: { email: 'one@mail.example' } };
    const agent = application();
    await world.addAuthServer(OTHER_AUTH);
    for (const [server, subject, email] of [
      [AUTH, 'sub-ann', 'one@mail.example'],
      [AUTH, 'sub-ann', 'two@mail.example'],
      [AUTH, 'sub-bob', 'one@mail.example'],
      [OTHER_AUTH, 'sub-ann', 'one@mail.example'],
    ] as const) {
      world.authTokenClaims = { subject, claims: { email } };
      const response = await agent.startSignIn(server);
      const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
      await agent.handle(get(world.approve(response.headers.get('location')!), { cookie }));
    }
    const keys = told.map(({ person }) => person.key);
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(3);
    expect(keys[0]).toBe(await personKey(AUTH, 'sub-ann'));
  });

  it('and nothing but a verified sign-in makes such a person', () => {
    const claimed = { issuer: AUTH, subject: 'sub-ann', key: 'k', claims: {}, expiresAt: 1 };
    const greet = (person: SignedInPerson): string => person.subject;
    // @ts-expect-error what somebody says of themselves is no person who has signed in
    expect(greet(claimed)).toBe('sub-ann');
  });

  it('goes on to act for the person at a resource', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    await agent.handle(get(world.approve(url), { cookie }));
    const own = agent.for(told[0]!.person.key, { returnTo: '/data' });
    const error = await rejection(own.fetch(`${API}/data`));
    if (!isInteractionRequired(error)) throw error;
    const response = error.interaction.response();
    const binding = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    const page = await agent.handle(get(world.approve(error.interaction.url), { cookie: binding }));
    expect([page?.status, page?.headers.get('location')]).toEqual([303, '/data']);
    expect(await (await own.fetch(`${API}/data`)).text()).toBe('welcome');
    expect(told).toHaveLength(1);
  });

  it('keeps neither the sign-in token nor its refresh token', async () => {
    world.refreshTokens = true;
    const store = memoryStore();
    const saved: unknown[] = [];
    const agent = application({
      store: { ...store, saveToken: async (...all) => void saved.push(all) },
    });
    const { url, cookie } = await started(agent);
    await agent.handle(get(world.approve(url), { cookie }));
    expect(told).toHaveLength(1);
    expect(world.refreshable.size).toBe(1);
    expect(saved).toEqual([]);
    expect(await store.pendingFlows(world.now)).toEqual([]);
  });

  it('after a restart too, and keeps hashes of what binds it', async () => {
    const store = memoryStore();
    const { url, cookie } = await started(application({ store }));
    const kept = JSON.stringify(await store.pendingFlows(world.now));
    expect(kept).toContain('"kind":"sign-in"');
    for (const name of ['state', 'request_token']) {
      expect(kept).not.toContain(new URL(url).searchParams.get(name));
    }
    expect(kept).not.toContain(cookie.split('=')[1]);
    await application({ store }).handle(get(world.approve(url), { cookie }));
    expect(told).toHaveLength(1);
  });

  it('however many people sign in at once: none of them loses the flow to another', async () => {
    const agent = application();
    const all: Started[] = [];
    for (let count = 0; count < 40; count++) all.push(await started(agent));
    for (const { url, cookie } of all) {
      expect((await agent.handle(get(world.approve(url), { cookie })))?.status).toBe(303);
    }
    expect(told).toHaveLength(40);
    expect(new Set(all.map(({ cookie }) => cookie)).size).toBe(40);
  });

  it('in two tabs of one browser', async () => {
    const agent = application();
    const [one, two] = [await started(agent), await started(agent)];
    const cookie = `${one.cookie}; ${two.cookie}`;
    for (const { url } of [two, one]) {
      expect((await agent.handle(get(world.approve(url), { cookie })))?.status).toBe(303);
    }
    expect(told).toHaveLength(2);
  });
});

describe('the answer to a sign-in', () => {
  it.each<[string, (own: Started, other: Started) => { address: string; cookie?: string }]>([
    ['in a browser without the cookie', ({ url }) => ({ address: world.approve(url) })],
    [
      'in a browser that started a sign-in of its own',
      ({ url }, other) => ({ address: world.approve(url), cookie: other.cookie }),
    ],
    [
      'with a guessed cookie',
      ({ url, cookie }) => ({
        address: world.approve(url),
        cookie: cookie.replace(/=.*/, `=${'x'.repeat(43)}`),
      }),
    ],
    [
      'with the cookie twice, one of them planted',
      ({ url, cookie }) => ({ address: world.approve(url), cookie: `${cookie}; ${cookie}x` }),
    ],
    [
      'from another auth server',
      ({ url, cookie }) => ({ address: world.approve(url, { iss: OTHER_AUTH }), cookie }),
    ],
    [
      'with another state',
      ({ url, cookie }) => ({ address: world.approve(url, { state: 'x'.repeat(43) }), cookie }),
    ],
    [
      'with the state of another sign-in',
      ({ url, cookie }, other) => ({
        address: world.approve(url, { state: new URL(other.url).searchParams.get('state')! }),
        cookie,
      }),
    ],
    [
      'without a state',
      ({ url, cookie }) => {
        const address = new URL(world.approve(url));
        address.searchParams.delete('state');
        return { address: address.href, cookie };
      },
    ],
    [
      'without a code',
      ({ url, cookie }) => ({ address: world.answer(url, { iss: AUTH }), cookie }),
    ],
    [
      'with two codes',
      ({ url, cookie }) => ({ address: `${world.approve(url)}&code=other`, cookie }),
    ],
  ])('%s is refused with 400, spends nothing, and the right one still works', async (_, change) => {
    await world.addAuthServer(OTHER_AUTH);
    const agent = application();
    const [own, other] = [await started(agent), await started(agent)];
    const { address, cookie } = change(own, other);
    const page = await agent.handle(get(address, cookie === undefined ? {} : { cookie }));
    expect(page?.status).toBe(400);
    expect(page?.headers.get('set-cookie')).toBeNull();
    expect(told).toEqual([]);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
    expect(world.tokenRequests(OTHER_AUTH)).toEqual([]);
    const right = await agent.handle(get(world.approve(own.url), { cookie: own.cookie }));
    expect(right?.status).toBe(303);
    expect(told).toHaveLength(1);
  });

  it('that is sent again is refused, and so are all but one of many at once', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    const address = world.approve(url);
    const send = async () => (await agent.handle(get(address, { cookie })))?.status ?? 0;
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.sort((a, b) => a - b)).toEqual([303, 400, 400]);
    expect(await send()).toBe(400);
    expect(told).toHaveLength(1);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('is not taken by HEAD, and not when it comes too late', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    const address = world.approve(url);
    const head = await agent.handle(new Request(address, { method: 'HEAD', headers: { cookie } }));
    expect(head?.status).toBe(405);
    world.now += 600;
    expect((await agent.handle(get(address, { cookie })))?.status).toBe(400);
    expect(told).toEqual([]);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('that is for a resource signs nobody in, in the same browser too', async () => {
    const agent = application();
    const error = await rejection(agent.for('ann').fetch(`${API}/data`));
    if (!isInteractionRequired(error)) throw error;
    const response = error.interaction.response();
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    const page = await agent.handle(get(world.approve(error.interaction.url), { cookie }));
    expect(page?.status).toBe(200);
    expect(told).toEqual([]);
  });

  it('can be taken without handle, by an application that passes the cookie on', async () => {
    const agent = application();
    const { url, cookie } = await started(agent, { returnTo: '/x' });
    const address = world.approve(url);
    expect((await agent.acceptCallback(address)).kind).toBe('refused');
    const outcome: CallbackOutcome = await agent.acceptCallback(address, { cookie });
    expect(outcome).toMatchObject({
      kind: 'signed-in',
      person: { issuer: AUTH, subject: 'sub-ann' },
      returnTo: '/x',
    });
    expect(told).toEqual([]);
  });
});

describe('the sign-in token is verified in full:', () => {
  const claims = (more: Record<string, unknown> = {}) => ({
    iss: AUTH,
    aud: AGENT,
    cnf: { jwk: world.agentKeys.current.publicJwk },
    exp: world.now + 3600,
    iat: world.now,
    sub: 'sub-ann',
    ...more,
  });
  const without = (name: string) => {
    const all: Record<string, unknown> = claims();
    delete all[name];
    return all;
  };
  const signed = (payload: Record<string, unknown>, typ = 'auth+jwt', keys?: KeySet) => {
    const { current } = keys ?? world.keys.get(AUTH)!;
    return signJws(typ, payload as never, current, current.kid);
  };

  it.each<[rule: string, what: string, () => Promise<string>]>([
    ['token_type', 'an agent token', () => signed(claims(), 'agent+jwt')],
    ['token_type', 'a plain JWT', () => signed(claims(), 'JWT')],
    ['issuer_untrusted', 'another auth server', () => signed(claims({ iss: OTHER_AUTH }))],
    [
      'issuer_untrusted',
      "another auth server's own",
      async () => signed(claims({ iss: OTHER_AUTH }), 'auth+jwt', world.keys.get(OTHER_AUTH)),
    ],
    [
      'kid_unknown',
      "another auth server's key",
      async () => signed(claims(), 'auth+jwt', world.keys.get(OTHER_AUTH)),
    ],
    [
      'token_signature',
      'a forger’s key under the right kid',
      async () => {
        const { kid } = world.keys.get(AUTH)!.current;
        return signJws('auth+jwt', claims() as never, (await keysOf('forger')).current, kid);
      },
    ],
    [
      'token_signature',
      'claims changed after signing',
      async () => {
        const [header, , signature] = (await signed(claims())).split('.');
        const payload = Buffer.from(JSON.stringify(claims({ sub: 'sub-eve' })));
        return `${header}.${payload.toString('base64url')}.${signature}`;
      },
    ],
    ['aud_other', 'another agent', () => signed(claims({ aud: API }))],
    ['aud_missing', 'no audience', () => signed(without('aud'))],
    ['agent_present', 'an auth token for a resource', () => signed(claims({ agent: AGENT }))],
    ['agent_delegate_present', 'a delegate’s', () => signed(claims({ agent_delegate: 'laptop' }))],
    [
      'cnf_other',
      'another key',
      async () => signed(claims({ cnf: { jwk: (await keysOf('other')).current.publicJwk } })),
    ],
    ['cnf_missing', 'no key', () => signed(without('cnf'))],
    ['sub_missing', 'no person', () => signed(without('sub'))],
    ['sub_invalid', 'an empty subject', () => signed(claims({ sub: '' }))],
    ['token_expired', 'an expired one', () => signed(claims({ exp: world.now - 10 }))],
    ['exp_missing', 'no end', () => signed(without('exp'))],
    ['exp_too_far', 'one of two days', () => signed(claims({ exp: world.now + 2 * 86_400 }))],
    ['iat_in_future', 'one from the future', () => signed(claims({ iat: world.now + 11 }))],
    ['name_invalid', 'a name that is no text', () => signed(claims({ name: ['Ann'] }))],
    ['email_invalid', 'an address that is no text', () => signed(claims({ email: {} }))],
    [
      'email_verified_invalid',
      'a confirmation in words',
      () => signed(claims({ email_verified: 'true' })),
    ],
  ])('%s for %s', async (rule, _, make) => {
    await world.addAuthServer(OTHER_AUTH);
    const agent = application({
      onSignInFailed(error, callback) {
        failed.push({ error, callback });
        return new Response('try again', { status: 400 });
      },
    });
    let answer = await make();
    world.token = (form) =>
      form.get('request_type') === 'code'
        ? json({ auth_token: answer, expires_in: 3600 })
        : undefined;
    const refused = await started(agent, { returnTo: '/r' });
    const page = await agent.handle(get(world.approve(refused.url), { cookie: refused.cookie }));
    expect(page?.status).toBe(400);
    expect(told).toEqual([]);
    expect(failed).toHaveLength(1);
    const [{ error, callback }] = failed as [(typeof failed)[number]];
    expect([error.code, error.rule, callback.returnTo]).toEqual(['response_invalid', rule, '/r']);
    expect(error.message).not.toContain(answer);
    answer = await signed(claims());
    const { url, cookie } = await started(agent);
    expect((await agent.handle(get(world.approve(url), { cookie })))?.status).toBe(303);
    expect(told).toHaveLength(1);
  });

  it('a key that the auth server no longer publishes signs nobody in', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    const old = world.keys.get(AUTH)!;
    const token = await issueAuthToken(old.current, {
      issuer: AUTH,
      audience: AGENT,
      confirmation: world.agentKeys.current.publicJwk,
      subject: 'sub-ann',
      now: world.now,
      tokenId: 'one',
    });
    world.token = () => json({ auth_token: token, expires_in: 3600 });
    world.keys.set(AUTH, await keysOf('rotated'));
    const page = await agent.handle(get(world.approve(url), { cookie }));
    expect(page?.status).toBe(400);
    expect(told).toEqual([]);
  });
});

describe('a sign-in that comes to nothing', () => {
  it('is shown to the person, without what the address says', async () => {
    const agent = application();
    const { url, cookie } = await started(agent);
    const address = world.answer(url, { error: 'access_denied', error_description: '<i>no' });
    const page = await agent.handle(get(address, { cookie }));
    expect(page?.status).toBe(200);
    const text = await page?.text();
    expect(text).toContain('Not approved');
    expect(text).not.toContain('<i>');
    expect(told).toEqual([]);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('is the application’s to answer when it wants to', async () => {
    const agent = application({
      onSignInFailed(error, callback) {
        failed.push({ error, callback });
        return Response.redirect(`${AGENT}/?denied`, 303);
      },
    });
    const { url, cookie } = await started(agent, { returnTo: '/report' });
    const address = world.answer(url, { error: 'access_denied', iss: AUTH });
    const answer = await agent.handle(get(address, { cookie }));
    expect([answer?.status, answer?.headers.get('location')]).toEqual([303, `${AGENT}/?denied`]);
    expect(answer?.headers.get('set-cookie')).toContain('Max-Age=0');
    expect(failed[0]?.error).toMatchObject({ code: 'interaction_denied', refusedBy: 'person' });
    expect(failed[0]?.callback.returnTo).toBe('/report');
  });

  it('and a denial of something else is not', async () => {
    const agent = application({
      onSignInFailed: () => new Response('never', { status: 500 }),
    });
    const error = await rejection(agent.for('ann').fetch(`${API}/data`));
    if (!isInteractionRequired(error)) throw error;
    const cookie = error.interaction.response().headers.get('set-cookie')?.split(';')[0] ?? '';
    const address = world.answer(error.interaction.url, { error: 'access_denied' });
    expect((await agent.handle(get(address, { cookie })))?.status).toBe(200);
  });

  it('does not hide a fault of the application’s own', async () => {
    const agent = application({
      onSignedIn: () => Promise.reject(new Error('the session store is down')),
    });
    const { url, cookie } = await started(agent);
    const answer = agent.handle(get(world.approve(url), { cookie }));
    await expect(answer).rejects.toThrow('session store');
  });
});

describe('starting a sign-in', () => {
  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'report',
    '',
    'javascript:alert(1)',
  ])('sends nobody elsewhere afterwards: returnTo %j is refused', async (returnTo) => {
    const agent = application();
    const error = await rejection(agent.startSignIn(AUTH, { returnTo }));
    expect([error.code, error.message]).toEqual([
      'configuration_invalid',
      expect.stringContaining('returnTo'),
    ]);
    expect(world.seen).toEqual([]);
  });

  it.each<[string, Partial<AgentOptions>, string, string[] | undefined, string]>([
    ['an auth server that is none', {}, 'auth.example', undefined, 'The auth server'],
    ['an auth server with a path', {}, `${AUTH}/`, undefined, 'The auth server'],
    ['no scopes at all', {}, AUTH, [], 'scopes'],
    ['two scopes in one', {}, AUTH, ['openid email'], 'scopes'],
    ['a scope with a quote', {}, AUTH, ['"'], 'scopes'],
    ['an agent that shows its bare key', { scheme: 'hwk' }, AUTH, undefined, 'bare key'],
  ])('is refused for %s, and nothing is sent', async (_, options, server, scopes, named) => {
    const agent = application(options);
    const error = await rejection(
      agent.startSignIn(server, scopes === undefined ? {} : { scopes }),
    );
    expect([error.code, error.message]).toEqual([
      'configuration_invalid',
      expect.stringContaining(named),
    ]);
    expect(world.seen).toEqual([]);
  });

  it('is refused for an application that does not say what becomes of the person', async () => {
    const agent = world.agent({ interaction: { mode: 'redirect' } });
    const error = await rejection(agent.startSignIn(AUTH));
    expect([error.code, error.message]).toEqual([
      'configuration_invalid',
      expect.stringContaining('onSignedIn'),
    ]);
    expect(world.seen).toEqual([]);
  });

  it('is not done by a program that waits, nor waiting by a web application', async () => {
    const waits = await rejection(world.agent().startSignIn(AUTH));
    expect(waits.message).toContain('signIn');
    const web = await rejection(application().signIn(AUTH));
    expect(web.message).toContain('startSignIn');
    const alone = await rejection(world.agent({ interaction: { mode: 'none' } }).signIn(AUTH));
    expect(alone.message).toContain('beside the program');
    expect(world.seen).toEqual([]);
  });

  it('passes on that the auth server refuses, and leaves nothing behind', async () => {
    const store = memoryStore();
    world.token = () => json({ error: 'access_denied' }, 403);
    const error = await rejection(application({ store }).startSignIn(AUTH));
    expect(error.code).toBe('access_denied');
    expect(await store.pendingFlows(world.now)).toEqual([]);
  });

  it('takes no token for which nobody was asked', async () => {
    world.consent = 'direct';
    const store = memoryStore();
    const error = await rejection(application({ store }).startSignIn(AUTH));
    expect([error.code, error.rule]).toEqual(['response_invalid', 'person_not_asked']);
    expect(await store.pendingFlows(world.now)).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe('a program that waits', () => {
  it('is given the person beside it', async () => {
    world.authTokenClaims = { claims: { name: 'Ann' } };
    const agent = world.approvingAgent();
    const person = await agent.signIn(AUTH, { scopes: ['openid', 'profile'] });
    expect(person).toMatchObject({ issuer: AUTH, subject: 'sub-ann', claims: { name: 'Ann' } });
    expect(world.asked[0]).toMatchObject({
      authServer: AUTH,
      resource: AGENT,
      scope: ['openid', 'profile'],
      agent: AGENT,
    });
  });

  it('asks once for calls that want the same, and again for others', async () => {
    const agent = world.approvingAgent();
    const [one, two, other] = await Promise.all([
      agent.signIn(AUTH),
      agent.signIn(AUTH),
      agent.signIn(AUTH, { scopes: ['openid', 'email'] }),
    ]);
    expect(two).toBe(one);
    expect(other).not.toBe(one);
    expect(world.asked).toHaveLength(2);
    await agent.signIn(AUTH);
    expect(world.asked).toHaveLength(3);
  });

  it('shows the person the page at the callback, and takes a pasted address', async () => {
    const agent = world.agent();
    const first = agent.signIn(AUTH);
    await until(() => world.asked.length === 1);
    const page = await agent.handle(get(world.approve(world.asked[0]!.url)));
    expect([page?.status, (await page?.text())?.includes('Approved')]).toEqual([200, true]);
    const person = await first;
    const second = agent.signIn(AUTH);
    await until(() => world.asked.length === 2);
    const outcome = await agent.acceptCallback(world.approve(world.asked[1]!.url));
    expect(outcome).toMatchObject({ kind: 'signed-in', person: { key: person.key } });
    expect((await second).key).toBe(person.key);
  });

  it('is told that the person denied, that the token is not theirs, and stops when told to', async () => {
    const agent = world.agent();
    const denied = rejection(agent.signIn(AUTH));
    await until(() => world.asked.length === 1);
    await agent.handle(get(world.answer(world.asked[0]!.url, { error: 'access_denied' })));
    expect((await denied).code).toBe('interaction_denied');

    world.authTokenClaims = { agent: AGENT };
    const wrong = rejection(agent.signIn(AUTH));
    await until(() => world.asked.length === 2);
    const page = await agent.handle(get(world.approve(world.asked[1]!.url)));
    expect(page?.status).toBe(400);
    expect((await wrong).rule).toBe('agent_present');
    world.authTokenClaims = {};

    const controller = new AbortController();
    const stopped = agent.signIn(AUTH, { signal: controller.signal });
    stopped.catch(() => undefined);
    await until(() => world.asked.length === 3);
    controller.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    const late = await agent.handle(get(world.approve(world.asked[2]!.url)));
    expect(late?.status).toBe(400);
  });
});
