import { beforeEach, describe, expect, it } from 'vitest';
import {
  createAgent,
  type Agent,
  type AgentOptions,
  InteractionRequiredError,
  isInteractionRequired,
  memoryStore,
  type RequiredInteraction,
} from '../src/index.js';
import { AGENT, API, AUTH, identifier, json, rejection, until, World } from './world.js';

let world: World;
beforeEach(async () => {
  world = await World.create();
  world.consent = 'person';
});

const get = (url: string, headers: Record<string, string> = {}) => new Request(url, { headers });

describe('the callback of a program that waits', () => {
  let agent: Agent;
  let call: Promise<Response>;
  let consent: string;

  async function start(options: Partial<AgentOptions> = {}): Promise<void> {
    agent = world.agent(options);
    call = agent.fetch(`${API}/data`);
    call.catch(() => undefined);
    await until(() => world.asked.length === 1);
    consent = world.asked[0]!.url;
  }

  it('shows success only after the exchange has succeeded', async () => {
    await start();
    let answered = false;
    let redeemed = false;
    world.token = async (form) => {
      if (form.get('request_type') === 'code') {
        await new Promise((resolve) => setImmediate(resolve));
        expect(answered).toBe(false);
        redeemed = true;
      }
      return undefined;
    };
    const page = await agent.handle(get(world.approve(consent)));
    answered = true;
    expect(redeemed).toBe(true);
    expect(page?.status).toBe(200);
    expect(await page?.text()).toContain('Approved');
    expect((await call).status).toBe(200);
  });

  it('shows an error, and fails the call, when the exchange fails', async () => {
    await start();
    world.token = () => json({ error: 'invalid_grant' }, 400);
    const page = await agent.handle(get(world.approve(consent)));
    expect(page?.status).toBe(400);
    expect(await page?.text()).toContain('cannot be used');
    const error = await rejection(call);
    expect([error.code, error.message]).toEqual([
      'invalid_grant',
      `The auth server ${AUTH} refused the request (invalid_grant).`,
    ]);
  });

  it.each<[string, (consent: string) => string]>([
    ['another state', (url) => world.approve(url, { state: 'x'.repeat(43) })],
    ['an empty state', (url) => world.approve(url, { state: '' })],
    ['a second state', (url) => `${world.approve(url)}&state=x`],
    ['a second code', (url) => `${world.approve(url)}&code=x`],
    ['another iss', (url) => world.approve(url, { iss: 'https://evil.example' })],
    ['iss in another spelling', (url) => world.approve(url, { iss: `${AUTH}/` })],
    ['code and error', (url) => world.approve(url, { error: 'access_denied' })],
    ['neither code nor error', (url) => world.answer(url, { iss: AUTH })],
    ['a code with a line break', (url) => world.approve(url, { code: 'a\nb' })],
    ['a denial with another iss', (url) => world.answer(url, { error: 'access_denied', iss: API })],
    ['a very long code', (url) => world.approve(url, { code: 'x'.repeat(2049) })],
  ])('answers %s with 400, sends nothing, and still takes the right answer', async (_, bad) => {
    await start();
    const page = await agent.handle(get(bad(consent)));
    expect(page?.status).toBe(400);
    expect(await page?.text()).toContain('cannot be used');
    expect(world.tokenRequests()).toEqual(['auth']);
    expect((await agent.handle(get(world.approve(consent))))?.status).toBe(200);
    expect((await call).status).toBe(200);
  });

  it('accepts an answer without iss', async () => {
    await start();
    const address = new URL(world.approve(consent));
    address.searchParams.delete('iss');
    expect((await agent.handle(get(address.href)))?.status).toBe(200);
  });

  it('makes one exchange of two answers in parallel', async () => {
    await start();
    const address = world.approve(consent);
    const pages = await Promise.all([agent.handle(get(address)), agent.handle(get(address))]);
    expect(pages.map((page) => page?.status ?? 0).sort((a, b) => a - b)).toEqual([200, 400]);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('is not spent by HEAD, or any other method than GET', async () => {
    await start();
    const address = world.approve(consent);
    for (const method of ['HEAD', 'POST', 'OPTIONS']) {
      const response = await agent.handle(new Request(address, { method }));
      expect([response?.status, response?.headers.get('allow')]).toEqual([405, 'GET']);
    }
    expect(world.tokenRequests()).toEqual(['auth']);
    expect((await agent.handle(get(address)))?.status).toBe(200);
  });

  it('refuses an answer without state', async () => {
    await start();
    const address = new URL(world.approve(consent));
    address.searchParams.delete('state');
    expect((await agent.handle(get(address.href)))?.status).toBe(400);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('accepts an answer without state when that is allowed and one flow is pending, and not with two', async () => {
    await start({ allowMissingState: true });
    const address = new URL(world.approve(consent));
    address.searchParams.delete('state');
    agent
      .for('ann')
      .fetch(`${API}/data`)
      .catch(() => undefined);
    await until(() => world.asked.length === 2);
    expect((await agent.handle(get(address.href)))?.status).toBe(400);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
    await agent.handle(get(world.answer(world.asked[1]!.url, { error: 'access_denied' })));
    expect((await agent.handle(get(address.href)))?.status).toBe(200);
    expect((await call).status).toBe(200);
    expect((await agent.handle(get(address.href)))?.status).toBe(400);
  });

  it('still refuses a wrong state when a missing one is allowed', async () => {
    await start({ allowMissingState: true });
    expect((await agent.handle(get(world.approve(consent, { state: 'wrong' }))))?.status).toBe(400);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('never shows what came in, and keeps its address from everyone', async () => {
    await start();
    const page = await agent.handle(
      get(world.answer(consent, { error: '<b>x</b>', error_description: '<script>' })),
    );
    const text = (await page?.text()) ?? '';
    expect(text).not.toContain('<script>');
    expect(text).not.toContain('<b>x');
    expect(page?.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page?.headers.get('cache-control')).toBe('no-store');
    expect((await rejection(call)).code).toBe('interaction_failed');
  });

  describe('takes a pasted address', () => {
    it('with the same checks', async () => {
      await start();
      const wrong = await agent.acceptCallback(
        world.approve(consent, { iss: 'https://evil.example' }),
      );
      expect(wrong).toMatchObject({ kind: 'refused', error: { rule: 'iss_other' } });
      const right = await agent.acceptCallback(` ${world.approve(consent)}\n`);
      expect(right).toEqual({ kind: 'granted', resource: API, returnTo: undefined });
      expect((await call).status).toBe(200);
    });

    it.each(['', 'nonsense', 'https://evil.example/callback?code=x', `${AGENT}/other?code=x`])(
      'of the callback only: %s is refused',
      async (address) => {
        await start();
        const outcome = await agent.acceptCallback(address);
        expect(outcome).toMatchObject({ kind: 'refused', error: { rule: 'address_other' } });
        expect(world.tokenRequests()).toEqual(['auth']);
      },
    );

    it('and says that the person said no', async () => {
      await start();
      const outcome = await agent.acceptCallback(world.answer(consent, { error: 'access_denied' }));
      expect(outcome).toMatchObject({ kind: 'denied', error: { code: 'interaction_denied' } });
    });
  });
});

describe('a callback without a flow of its own', () => {
  it('shows the address to copy at an https agent server, with 400', async () => {
    const agent = world.agent();
    const page = await agent.handle(get('http://10.0.0.7:8001/callback?code=c&state=s&iss=x'));
    expect(page?.status).toBe(400);
    const text = await page?.text();
    expect(text).toContain('One more step');
    expect(text).toContain(`${AGENT}/callback?code=c&amp;state=s&amp;iss=x`);
    expect(world.seen).toEqual([]);
  });

  it('shows an error where there is nothing to copy, at a loopback agent and at a web application', async () => {
    const local = world.agent({ id: 'http://127.0.0.1:8001', insecureLoopback: true });
    const web = world.agent({ interaction: { mode: 'redirect' } });
    for (const [agent, address] of [
      [world.agent(), `${AGENT}/callback`],
      [local, 'http://127.0.0.1:8001/callback?code=c&state=s'],
      [web, `${AGENT}/callback?code=c&state=s`],
    ] as const) {
      const page = await agent.handle(get(address));
      expect(page?.status).toBe(400);
      expect(await page?.text()).toContain('cannot be used');
    }
  });

  it('shows the address, or not, as the program says', async () => {
    const options = {
      id: 'http://127.0.0.1:8001',
      insecureLoopback: true,
      showAddressToCopy: true,
    };
    const shown = await world.agent(options).handle(get('http://127.0.0.1:8001/callback?code=c'));
    expect(await shown?.text()).toContain('http://127.0.0.1:8001/callback?code=c');
    const hidden = world.agent({ showAddressToCopy: false });
    const page = await hidden.handle(get(`${AGENT}/callback?code=c`));
    expect(await page?.text()).toContain('cannot be used');
  });

  it('shows an error when the page of an answered flow is loaded again', async () => {
    const agent = world.approvingAgent();
    await agent.fetch(`${API}/data`);
    const state = new URL(world.asked[0]!.url).searchParams.get('state')!;
    const page = await agent.handle(get(`${AGENT}/callback?code=c&state=${state}`));
    expect(await page?.text()).toContain('cannot be used');
  });
});

describe('a web application', () => {
  const redirect = { mode: 'redirect' } as const;

  async function required(
    agent: Agent,
    person = 'ann',
    returnTo?: string,
  ): Promise<RequiredInteraction> {
    const own = agent.for(person, returnTo === undefined ? {} : { returnTo });
    const error = await rejection(own.fetch(`${API}/data`));
    if (!isInteractionRequired(error)) throw error;
    return error.interaction;
  }
  const cookieOf = (interaction: RequiredInteraction): string =>
    interaction.response().headers.get('set-cookie')!.split(';')[0]!;

  it('is told to send the browser, with a cookie that binds the flow to it', async () => {
    const agent = world.agent({ interaction: redirect });
    const error = await rejection(agent.fetch(`${API}/data`));
    expect(error).toBeInstanceOf(InteractionRequiredError);
    expect(error.code).toBe('interaction_required');
    const { interaction } = error as InteractionRequiredError;
    expect(interaction).toMatchObject({
      authServer: AUTH,
      resource: API,
      expiresAt: world.now + 600,
    });
    const response = interaction.response();
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(interaction.url);
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-countersign-[\w-]{16}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(interaction.response()).not.toBe(response);
  });

  it('on loopback http has the port in the name of the cookie', async () => {
    world.insecureLoopback = true;
    const id = identifier('http://127.0.0.1:8001');
    world.keys.set(id, world.agentKeys);
    world.published.set(`${id} aauth-agent`, { agent: id, jwks_uri: `${id}/jwks.json` });
    const agent = world.agent({ id, interaction: redirect, insecureLoopback: true });
    const cookie = (await required(agent)).response().headers.get('set-cookie');
    expect(cookie).toMatch(
      /^countersign-8001-[\w-]{16}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
    );
  });

  it('completes the flow in that browser and keeps the token under the person key', async () => {
    const agent = world.agent({ interaction: redirect });
    const interaction = await required(agent);
    const page = await agent.handle(
      get(world.approve(interaction.url), { cookie: `a=b; ${cookieOf(interaction)}` }),
    );
    expect(page?.status).toBe(200);
    expect(page?.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await agent.for('ann').fetch(`${API}/data`)).status).toBe(200);
    expect(isInteractionRequired(await rejection(agent.for('bob').fetch(`${API}/data`)))).toBe(
      true,
    );
  });

  it.each<[string, (own: string, other: string) => string | undefined]>([
    ['no cookie', () => undefined],
    ['another value', (own) => own.replace(/=.*/, '=stolen')],
    ["another flow's cookie", (_own, other) => other],
    ['the cookie twice', (own) => `${own}; ${own}`],
    [
      "another flow's value under this name",
      (own, other) => `${own.split('=')[0]}=${other.split('=')[1]}`,
    ],
  ])(
    'refuses an answer with %s, sends nothing, and still takes the right one',
    async (_, change) => {
      const agent = world.agent({ interaction: redirect });
      const interaction = await required(agent);
      const other = cookieOf(await required(agent, 'mallory'));
      const own = cookieOf(interaction);
      const address = world.approve(interaction.url);
      const cookie = change(own, other);
      const page = await agent.handle(get(address, cookie === undefined ? {} : { cookie }));
      expect(page?.status).toBe(400);
      expect(world.tokenRequests()).not.toContain('code');
      expect((await agent.acceptCallback(address)).kind).toBe('refused');
      expect((await agent.acceptCallback(address, { cookie: own })).kind).toBe('granted');
    },
  );

  it('sends the browser on to where the application wants it', async () => {
    const agent = world.agent({ interaction: redirect });
    const interaction = await required(agent, 'ann', '/report?id=7');
    const answer = await agent.handle(
      get(world.approve(interaction.url), { cookie: cookieOf(interaction) }),
    );
    expect([answer?.status, answer?.headers.get('location')]).toEqual([303, '/report?id=7']);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/a\nb',
    'report',
    '',
    '/\t/evil.example',
  ])('cannot send it elsewhere: returnTo %j is refused', (returnTo) => {
    expect(() => world.agent({ interaction: redirect }).for('ann', { returnTo })).toThrow(
      'returnTo',
    );
  });

  it('completes a flow after a restart', async () => {
    const store = memoryStore();
    const interaction = await required(world.agent({ interaction: redirect, store }));
    const restarted = world.agent({ interaction: redirect, store });
    const page = await restarted.handle(
      get(world.approve(interaction.url), { cookie: cookieOf(interaction) }),
    );
    expect(page?.status).toBe(200);
    expect((await restarted.for('ann').fetch(`${API}/data`)).status).toBe(200);
  });

  it('keeps hashes of state and cookie, not the values', async () => {
    const store = memoryStore();
    const interaction = await required(world.agent({ interaction: redirect, store }));
    const kept = JSON.stringify(await store.pendingFlows(world.now));
    expect(kept).not.toContain(new URL(interaction.url).searchParams.get('state'));
    expect(kept).not.toContain(cookieOf(interaction).split('=')[1]);
    expect(kept).not.toContain(new URL(interaction.url).searchParams.get('request_token'));
  });

  it('gives concurrent calls one flow, and refuses an answer that comes too late', async () => {
    const agent = world.agent({ interaction: redirect });
    const [one, two] = await Promise.all([required(agent), required(agent)]);
    expect(one).toBe(two);
    expect(world.tokenRequests()).toEqual(['auth']);
    world.now += 600;
    const page = await agent.handle(get(world.approve(one.url), { cookie: cookieOf(one) }));
    expect(page?.status).toBe(400);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('makes one exchange of two answers in parallel', async () => {
    const agent = world.agent({ interaction: redirect });
    const interaction = await required(agent);
    const address = world.approve(interaction.url);
    const cookie = cookieOf(interaction);
    const pages = await Promise.all([1, 2, 3].map(() => agent.handle(get(address, { cookie }))));
    expect(pages.map((page) => page?.status ?? 0).sort((a, b) => a - b)).toEqual([200, 400, 400]);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });
});

describe('what an agent publishes', () => {
  it('is its metadata and its public keys', async () => {
    const agent = world.agent({ name: 'Reporter', homepage: 'https://agent.example/about' });
    const document = await agent.handle(get(`${AGENT}/.well-known/aauth-agent`));
    expect(document?.headers.get('content-type')).toBe('application/json');
    expect(await document?.json()).toEqual({
      agent: AGENT,
      jwks_uri: `${AGENT}/jwks.json`,
      redirect_uris: [`${AGENT}/callback`],
      name: 'Reporter',
      homepage: 'https://agent.example/about',
    });
    const jwks = await (await agent.handle(get(`${AGENT}/jwks.json`)))?.text();
    expect(JSON.parse(jwks!)).toEqual(world.agentKeys.jwks);
    expect(jwks).not.toContain('"d"');
  });

  it('answers HEAD without a body, other methods with 405, and leaves other paths alone', async () => {
    const agent = world.agent();
    const head = await agent.handle(new Request(`${AGENT}/jwks.json`, { method: 'HEAD' }));
    expect([head?.status, await head?.text()]).toEqual([200, '']);
    const post = await agent.handle(new Request(`${AGENT}/jwks.json`, { method: 'POST' }));
    expect([post?.status, post?.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await agent.handle(get(`${AGENT}/`))).toBeUndefined();
    expect(await agent.handle(get(`${AGENT}/callback/`))).toBeUndefined();
  });

  it('is nothing but the callback for a delegate', async () => {
    const agent = world.agent({ agentToken: () => Promise.resolve('') });
    expect(await agent.handle(get(`${AGENT}/.well-known/aauth-agent`))).toBeUndefined();
    expect(await agent.handle(get(`${AGENT}/jwks.json`))).toBeUndefined();
    expect((await agent.handle(get(`${AGENT}/callback`)))?.status).toBe(400);
  });
});

describe('settings', () => {
  it.each<[string, Partial<AgentOptions>, string]>([
    ['an id with a slash', { id: `${AGENT}/` }, 'The agent id'],
    ['an id over plain http', { id: 'http://127.0.0.1:8001' }, 'insecureLoopback'],
    ['a redirect URI with a fragment', { redirectUri: `${AGENT}/callback#x` }, 'redirectUri'],
    ['a redirect URI with a state', { redirectUri: `${AGENT}/callback?state=x` }, 'redirectUri'],
    [
      'a redirect URI over plain http',
      { redirectUri: 'http://agent.example/callback' },
      'redirectUri',
    ],
    [
      'a redirect URI in another spelling',
      { redirectUri: 'https://AGENT.example/callback' },
      'redirectUri',
    ],
    ['no body at all', { maxBodyBytes: 0 }, 'maxBodyBytes'],
    ['no time', { interactionTimeoutSeconds: 0.5 }, 'interactionTimeoutSeconds'],
    ['a homepage that is no address', { homepage: 'about' }, 'homepage'],
    ['hwk with an agent token', { scheme: 'hwk', agentToken: () => Promise.resolve('') }, 'hwk'],
  ])('that name %s are refused', (_, change, named) => {
    expect(() => createAgent(world.options(change))).toThrow(named);
  });

  it.each(['', 'x'.repeat(513)])('a person key of no use is refused: %j', (key) => {
    expect(() => world.agent().for(key)).toThrow('person key');
  });
});
