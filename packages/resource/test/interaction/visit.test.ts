import { describe, expect, it } from 'vitest';
import {
  makeAgent,
  makeBareKey,
  makeDelegate,
  makeKeys,
  jwksOf,
} from '../../../protocol/test/kit.js';
import { sign, tokenHolder } from '../support.js';
import {
  API,
  call,
  CALLBACK,
  type CalendarApi,
  codeOf,
  makeCalendar,
  onwardOf,
  pageOf,
  TestBrowser,
  visit,
  withReturn,
} from './kit.js';

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** An agent that has been challenged, visited and got in; returns its session. */
async function connected(api: CalendarApi): Promise<string> {
  const code = await visit(api, await call(api, api.agent));
  const response = await call(api, api.agent, { code });
  expect(response.status).toBe(200);
  return response.headers.get('interaction-session') ?? '';
}

describe('an agent that needs what a person connects', () => {
  it('is challenged, sends the person, comes back with the code and gets in', async () => {
    const api = await makeCalendar();
    const challenged = await call(api, api.agent);
    expect(challenged.status).toBe(401);
    expect(await challenged.text()).toBe('Interaction required');
    expect(challenged.headers.get('agent-auth')).toMatch(
      /^httpsig; user_interaction="https:\/\/rs\.example\/aauth\/interaction\?request=[A-Za-z0-9_-]{43}"$/,
    );
    expect(api.used).toEqual([]);
    const code = await visit(api, challenged);
    expect(code).toMatch(SECRET);
    expect(api.finished).toMatchObject([
      { agent: api.agent.id, delegate: null, person: null, keep: 'verifier' },
    ]);
    const response = await call(api, api.agent, { code });
    expect(await response.text()).toBe('downstream-1');
    expect(response.headers.get('interaction-session')).toMatch(SECRET);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('gets in again with the session it was given, and is not given another', async () => {
    const api = await makeCalendar();
    const session = await connected(api);
    const again = await call(api, api.agent, { session });
    expect(await again.text()).toBe('downstream-1');
    expect(again.headers.has('interaction-session')).toBe(false);
    expect(api.begun).toHaveLength(1);
  });

  it('gets in with a key that replaced the one it was challenged with', async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    const keys = await makeKeys('key-2');
    const rotated = { ...api.agent, keys, key: keys.current };
    api.discovery.publishAgent(rotated, { redirectUris: [CALLBACK] });
    const signer = { key: keys.current, signatureKey: jwksOf(rotated) };
    expect(await (await call(api, signer, { code })).text()).toBe('downstream-1');
  });

  it('keeps one session for a person who connects again', async () => {
    const api = await makeCalendar();
    const session = await connected(api);
    api.clock.advance(31 * 86_400);
    const later = { created: api.clock() };
    const challenged = await call(api, api.agent, { session }, later);
    const code = await visit(api, challenged);
    const response = await call(api, api.agent, { code, session }, later);
    expect(await response.text()).toBe('downstream-2');
    // Nothing lived under the old name any more, so there is a new one.
    expect(response.headers.get('interaction-session')).not.toBe(session);
  });

  it('connects anew under the session it names while that lives', async () => {
    const api = await makeCalendar();
    const session = await connected(api);
    const code = await visit(api, await call(api, api.agent));
    const response = await call(api, api.agent, { code, session });
    expect(await response.text()).toBe('downstream-2');
    expect(response.headers.has('interaction-session')).toBe(false);
    expect(await (await call(api, api.agent, { session })).text()).toBe('downstream-2');
  });

  it('has its two people apart: neither gets in with nothing, or with the connection of the other', async () => {
    const api = await makeCalendar();
    const ann = await connected(api);
    expect((await call(api, api.agent)).status).toBe(401);
    const bob = await connected(api);
    expect(await (await call(api, api.agent, { session: ann })).text()).toBe('downstream-1');
    expect(await (await call(api, api.agent, { session: bob })).text()).toBe('downstream-2');
  });

  it('is asked for an identity first when it shows a bare key', async () => {
    const api = await makeCalendar({ requirement: 'signature' });
    const response = await call(api, await makeBareKey());
    expect(response.headers.get('agent-auth')).toBe('httpsig; identity=?1');
    expect(api.store.records.size).toBe(0);
  });

  it('keeps a body that was sent for the request with the code', async () => {
    const api = await makeCalendar();
    const shape = { method: 'POST', body: 'hello' };
    const typed = [['Content-Type', 'text/plain']] as const;
    const code = await visit(api, await call(api, api.agent, {}, { ...shape, headers: typed }));
    const headers = [...typed, ['Interaction-Code', code] as const];
    expect((await call(api, api.agent, {}, { ...shape, headers })).status).toBe(200);
  });
});

describe('an agent with a token of a person', () => {
  const requirement = { scopes: ['data.read'] } as const;

  it('needs no session: the person of the token is the name of the connection', async () => {
    const api = await makeCalendar({ requirement });
    const holder = await tokenHolder(api);
    const code = await visit(api, await call(api, holder));
    const response = await call(api, holder, { code });
    expect(await response.text()).toBe('downstream-1');
    expect(response.headers.has('interaction-session')).toBe(false);
    expect(await (await call(api, holder)).text()).toBe('downstream-1');
    expect(api.begun).toMatchObject([
      {
        person: {
          issuer: 'https://as.example',
          subject: 'testuser',
          subjectIssuer: 'https://as.example',
        },
      },
    ]);
  });

  it('does not get in where another person of the same agent does', async () => {
    const api = await makeCalendar({ requirement });
    const [ann, bob] = [await tokenHolder(api), await tokenHolder(api, { subject: 'bob' })];
    const code = await visit(api, await call(api, ann));
    pageOf(await call(api, bob, { code }));
    expect(api.used).toEqual([]);
    expect((await call(api, ann, { code })).status).toBe(200);
    pageOf(await call(api, bob));
  });
});

describe('a code', () => {
  /** Each is one change to a request that would have got in; `spent` says whether the code is gone after it. */
  const refusals: Record<
    string,
    { rule: string; send: (api: CalendarApi, code: string) => Promise<Response> }
  > = {
    'that nobody made': {
      rule: 'interaction_code_unknown',
      send: (api) => call(api, api.agent, { code: 'A'.repeat(43) }),
    },
    'with its last character changed': {
      rule: 'interaction_code_unknown',
      send: (api, code) =>
        call(api, api.agent, { code: code.slice(0, -1) + (code.endsWith('A') ? 'E' : 'A') }),
    },
    'that is malformed': {
      rule: 'interaction_code_unknown',
      send: (api, code) => call(api, api.agent, { code: `${code}, ${code}` }),
    },
    'of another agent': {
      rule: 'interaction_code_caller',
      send: async (api, code) => {
        const other = await makeAgent('https://other.example');
        api.discovery.publishAgent(other);
        return await call(api, other, { code });
      },
    },
    'of the agent, presented by its delegate': {
      rule: 'interaction_code_caller',
      send: async (api, code) => call(api, await makeDelegate(api.agent), { code }),
    },
    'that was made for a caller without a person, presented with a token of one': {
      rule: 'interaction_code_caller',
      send: async (api, code) => call(api, await tokenHolder(api), { code }),
    },
  };

  it.each(Object.entries(refusals))(
    '%s gets nothing, is asked again, and leaves the code unspent',
    async (_what, { rule, send }) => {
      const api = await makeCalendar();
      const code = await visit(api, await call(api, api.agent));
      pageOf(await send(api, code));
      expect(api.refused).toMatchObject([{ code: 'invalid_grant', rule }]);
      expect(api.used).toEqual([]);
      expect((await call(api, api.agent, { code })).status).toBe(200);
    },
  );

  it('of a delegate does not open for another delegate, or for the agent server', async () => {
    const api = await makeCalendar();
    const delegate = await makeDelegate(api.agent);
    const code = await visit(api, await call(api, delegate));
    pageOf(await call(api, await makeDelegate(api.agent, { sub: 'other' }), { code }));
    pageOf(await call(api, api.agent, { code }));
    expect(api.used).toEqual([]);
    expect((await call(api, delegate, { code })).status).toBe(200);
    expect(api.begun).toMatchObject([{ delegate: 'delegate-1' }]);
  });

  it('counts once', async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    expect((await call(api, api.agent, { code })).status).toBe(200);
    pageOf(await call(api, api.agent, { code }));
    expect(api.used).toHaveLength(1);
  });

  it('has one winner among fifty requests at once', async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call(api, api.agent, { code })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(api.used).toHaveLength(1);
  });

  it.each([
    [299, 200],
    [300, 401],
  ])('%d seconds old is answered %d', async (age, status) => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    api.clock.advance(age);
    const response = await call(api, api.agent, { code }, { created: api.clock() });
    expect(response.status).toBe(status);
    expect(api.used).toHaveLength(status === 200 ? 1 : 0);
  });

  it('that is not covered by the signature is no code, and neither is a session', async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    for (const name of ['Interaction-Code', 'Interaction-Session']) {
      const plain = await sign(api.agent, { url: `${API}/calendar` });
      plain.headers.set(name, code);
      const response = await api.app.request(plain);
      expect(response.status).toBe(401);
      expect(api.refused.at(-1)?.rule).toBe('component_missing');
    }
    expect(api.used).toEqual([]);
    expect((await call(api, api.agent, { code })).status).toBe(200);
  });

  it('for one connection opens no other', async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    const other = await makeCalendar({
      interactions: { store: api.store },
      connection: { name: 'mail' },
    });
    pageOf(await call(other, other.agent, { code }));
    expect(other.refused).toMatchObject([{ rule: 'interaction_code_connection' }]);
    expect((await call(api, api.agent, { code })).status).toBe(200);
  });
});

describe('a session', () => {
  it.each([
    [
      'that nobody made',
      async (api: CalendarApi) => call(api, api.agent, { session: 'A'.repeat(43) }),
    ],
    [
      'of another agent',
      async (api: CalendarApi, session: string) => {
        const other = await makeAgent('https://other.example');
        api.discovery.publishAgent(other);
        return await call(api, other, { session });
      },
    ],
    [
      'of the agent, named by its delegate',
      async (api: CalendarApi, session: string) =>
        call(api, await makeDelegate(api.agent), { session }),
    ],
    [
      'named by one who has a token of a person',
      async (api: CalendarApi, session: string) => call(api, await tokenHolder(api), { session }),
    ],
  ])('%s opens nothing', async (_what, send) => {
    const api = await makeCalendar();
    const session = await connected(api);
    pageOf(await send(api, session));
    expect(api.used).toHaveLength(1);
    expect((await call(api, api.agent, { session })).status).toBe(200);
  });

  it('ends with the connection, to the second', async () => {
    const api = await makeCalendar({ connection: { lifetimeSeconds: 60 } });
    const session = await connected(api);
    api.clock.advance(59);
    expect((await call(api, api.agent, { session }, { created: api.clock() })).status).toBe(200);
    api.clock.advance(1);
    pageOf(await call(api, api.agent, { session }, { created: api.clock() }));
  });
});

describe('a visit', () => {
  it('that is cancelled tells the agent so, with its state, and cannot be taken up again', async () => {
    const api = await makeCalendar();
    const page = withReturn(pageOf(await call(api, api.agent)), `${CALLBACK}?a=%20b&state=s%2B1`);
    const browser = new TestBrowser(api);
    const response = await browser.answer(page, 'cancel');
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(
      `${CALLBACK}?a=%20b&state=s%2B1&error=access_denied&error_description=The+person+did+not+go+on.`,
    );
    expect(api.begun).toEqual([]);
    expect((await browser.open(page)).status).toBe(404);
  });

  it('that the other server ends with no is told as a refusal', async () => {
    const api = await makeCalendar();
    api.script.complete = () => ({ denied: true });
    const browser = new TestBrowser(api);
    await browser.answer(withReturn(pageOf(await call(api, api.agent))));
    const back = await browser.open(`${API}/back?state=${api.begun[0]?.state}`);
    expect(new URL(back.headers.get('location') ?? '').searchParams.get('error')).toBe(
      'access_denied',
    );
  });

  it('whose application fails at the end is told as a fault, and nothing of it is shown', async () => {
    const api = await makeCalendar();
    api.script.complete = () => {
      throw new Error('secret of the application');
    };
    const browser = new TestBrowser(api);
    await browser.answer(withReturn(pageOf(await call(api, api.agent))));
    const back = await browser.open(`${API}/back?state=${api.begun[0]?.state}`);
    const location = back.headers.get('location') ?? '';
    expect(location).toContain('error=server_error');
    expect(location).not.toContain('secret');
    expect(api.refused).toMatchObject([{ code: 'server_error' }]);
  });

  it('whose application is done at once comes back with the code', async () => {
    const api = await makeCalendar();
    api.script.begin = () => ({ connected: { accessToken: 'at once' } });
    const response = await new TestBrowser(api).answer(
      withReturn(pageOf(await call(api, api.agent))),
    );
    const again = await call(api, api.agent, { code: codeOf(response) });
    expect(await again.text()).toBe('at once');
  });

  it('begun twice in one browser counts once: the later', async () => {
    const api = await makeCalendar();
    const page = withReturn(pageOf(await call(api, api.agent)));
    const browser = new TestBrowser(api);
    await browser.answer(page);
    await browser.answer(page);
    const [first, second] = api.begun;
    expect((await browser.open(`${API}/back?state=${first?.state}`)).status).toBe(404);
    expect(api.finished).toEqual([]);
    codeOf(await browser.open(`${API}/back?state=${second?.state}`));
  });

  it('ends once among ten returns at once', async () => {
    const api = await makeCalendar();
    const browser = new TestBrowser(api);
    await browser.answer(withReturn(pageOf(await call(api, api.agent))));
    const state = api.begun[0]?.state;
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => browser.open(`${API}/back?state=${state}`)),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(api.finished).toHaveLength(1);
  });

  it.each<
    [string, number, (browser: TestBrowser, state: string, api: CalendarApi) => Promise<Response>]
  >([
    ['without its state', 404, (browser) => browser.open(`${API}/back`)],
    [
      'with a state nobody made',
      404,
      (browser) => browser.open(`${API}/back?state=${'A'.repeat(43)}`),
    ],
    [
      'in another browser',
      403,
      (_browser, state, api) => new TestBrowser(api).open(`${API}/back?state=${state}`),
    ],
    [
      'in another browser that has a visit of its own',
      403,
      async (_browser, state, api) => {
        const other = new TestBrowser(api);
        await other.answer(withReturn(pageOf(await call(api, api.agent))));
        return await other.open(`${API}/back?state=${state}`);
      },
    ],
    [
      'in a browser with two such cookies',
      403,
      (browser, state) => {
        const [[name, value] = ['', '']] = [...browser.cookies];
        const cookie = `${name}=${value}; ${name}=${'A'.repeat(43)}`;
        return browser.open(`${API}/back?state=${state}`, { headers: { cookie } });
      },
    ],
    [
      'after ten minutes',
      404,
      (browser, state, api) => {
        api.clock.advance(600);
        return browser.open(`${API}/back?state=${state}`);
      },
    ],
    [
      'under another host',
      421,
      (browser, state) =>
        browser.open(`${API}/back?state=${state}`, { headers: { host: 'other.example' } }),
    ],
  ])('that comes back %s is answered %d and completes nothing', async (_what, status, back) => {
    const api = await makeCalendar();
    const browser = new TestBrowser(api);
    await onwardOf(await browser.answer(withReturn(pageOf(await call(api, api.agent)))));
    const response = await back(browser, api.begun[0]?.state ?? '', api);
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBeNull();
    expect(api.finished).toEqual([]);
    expect([...api.store.records.keys()].some((key) => key.startsWith('code:'))).toBe(false);
  });
});
