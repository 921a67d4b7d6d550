import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  API,
  call,
  CALLBACK,
  type CalendarApi,
  type Change,
  formOf,
  makeCalendar,
  onwardOf,
  pageOf,
  TestBrowser,
  withReturn,
} from './kit.js';

const opened = async (
  options: Parameters<typeof makeCalendar>[0] = {},
): Promise<{ api: CalendarApi; browser: TestBrowser; page: URL }> => {
  const api = await makeCalendar(options);
  const page = withReturn(pageOf(await call(api, api.agent)));
  return { api, browser: new TestBrowser(api), page };
};

/** Asserts a page without a form, that leads nowhere, for a request that is as open as before. */
async function expectRefused(
  { api, page }: { api: CalendarApi; page: URL },
  response: Response,
  status: number,
): Promise<void> {
  const text = await response.text();
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('location')).toBeNull();
  expect(text).not.toMatch(/<form|http-equiv/);
  for (const secret of [page.searchParams.get('request') ?? '', 'state=s1']) {
    expect(text).not.toContain(secret);
  }
  expect(api.begun).toEqual([]);
  expect((await new TestBrowser(api).open(page)).status).toBe(200);
}

describe('the page of a visit', () => {
  it('names the agent, what is connected and where the person returns to', async () => {
    const { browser, page } = await opened({ name: 'Calendar helper' });
    const response = await browser.open(page);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain('https://agent.example</bdi>');
    expect(text).toContain('“<bdi>Calendar helper</bdi>”');
    expect(text).toContain('your calendar at Example Cloud?</h1>');
    expect(text).toContain('It can read the entries of your calendar.');
    expect(text).toContain('agent.example</bdi>.');
    expect(text).toContain('It lasts 30 days at most.');
  });

  it('loads nothing, is framed by nobody, is kept by nobody and names no referrer', async () => {
    const { browser, page } = await opened();
    const { headers } = await browser.open(page);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; form-action 'self' https:\/\/agent\.example; frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('set-cookie')).toMatch(
      /^__Host-countersign-visit=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=1200; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  it('allows exactly the stylesheet that it carries', async () => {
    const { browser, page } = await opened();
    const response = await browser.open(page);
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(await response.text()) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(response.headers.get('content-security-policy')).toContain(`'sha256-${hash}'`);
  });

  it('shows what an agent calls itself as text, however hostile', async () => {
    const name = '<img src=x onerror=alert(1)>"&\u202Egro.knab //:sptth\u0000';
    const { browser, page } = await opened({ name });
    const text = await (await browser.open(page)).text();
    expect(text).not.toContain('<img');
    for (const invisible of ['\u202E', '\u0000']) expect(text).not.toContain(invisible);
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;’&amp;gro.knab //:sptth');
  });

  it('warns of a name that reads like an address', async () => {
    const { browser, page } = await opened({ name: 'https://bank.example' });
    expect(await (await browser.open(page)).text()).toContain('reads like an address');
  });

  it('writes nothing, however often it is opened', async () => {
    const { api, browser, page } = await opened();
    const before = [...api.store.records.values()];
    for (let times = 0; times < 3; times++) await browser.open(page);
    expect([...api.store.records.values()]).toEqual(before);
  });

  it('keeps the cookie that a browser has', async () => {
    const { browser, page } = await opened();
    await browser.open(page);
    const cookies = [...browser.cookies];
    await browser.open(page);
    expect([...browser.cookies]).toEqual(cookies);
  });

  it('answers HEAD as GET, without a body', async () => {
    const { browser, page } = await opened();
    const response = await browser.open(page, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it('leads on to where the application sends the person, once they went on', async () => {
    const { api, browser, page } = await opened();
    const response = await browser.answer(page);
    expect(response.status).toBe(200);
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect((await onwardOf(response)).href).toBe(
      'https://login.example/authorize?client_id=calendar',
    );
    expect(api.begun).toHaveLength(1);
    expect(api.begun[0]?.state).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('is taken once when its button is pressed ten times at once', async () => {
    const { api, browser, page } = await opened();
    const form = await formOf(await browser.open(page));
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.post(form)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    const live: string[] = [];
    for (const { state } of api.begun) {
      const { status } = await browser.open(`${API}/back?state=${state}`);
      if (status === 303) live.push(state);
    }
    expect(live).toHaveLength(1);
  });

  it('is no longer there for another browser once one has gone on', async () => {
    const { api, browser, page } = await opened();
    const other = new TestBrowser(api);
    const form = await formOf(await other.open(page));
    await browser.answer(page);
    expect((await other.post(form)).status).toBe(403);
    expect((await other.post(form, 'cancel')).status).toBe(403);
    expect((await other.open(page)).status).toBe(403);
    expect((await new TestBrowser(api).open(page)).status).toBe(403);
    expect(api.begun).toHaveLength(1);
    expect((await browser.open(page)).status).toBe(200);
  });

  const gets: Record<string, [number, (page: URL) => URL]> = {
    'without its request': [400, (page) => without(page, 'request')],
    'without a return_url': [400, (page) => without(page, 'return_url')],
    'with its request twice': [400, (page) => more(page, 'request', 'A'.repeat(43))],
    'with two return_urls': [400, (page) => more(page, 'return_url', CALLBACK)],
    'with a request nobody made': [404, (page) => other(page, 'request', 'A'.repeat(43))],
    'with a request that cannot be one': [404, (page) => other(page, 'request', 'A')],
    'with a return_url on another origin': [
      400,
      (page) => withReturn(page, 'https://evil.example/callback'),
    ],
    'with a return_url on another port': [
      400,
      (page) => withReturn(page, 'https://agent.example:444/callback'),
    ],
    'with a return_url of plain http': [
      400,
      (page) => withReturn(page, 'http://agent.example/callback'),
    ],
    'with a return_url of another scheme': [400, (page) => withReturn(page, 'javascript:alert(1)')],
    'with a return_url that is a path': [400, (page) => withReturn(page, '/callback')],
    'with a return_url with user info': [
      400,
      (page) => withReturn(page, 'https://agent.example@evil.example/'),
    ],
    'with a return_url with a user': [
      400,
      (page) => withReturn(page, 'https://me@agent.example/callback'),
    ],
    'with a return_url with a fragment': [400, (page) => withReturn(page, `${CALLBACK}#x`)],
    'with a return_url with a backslash': [
      400,
      (page) => withReturn(page, 'https://agent.example\\@evil.example/'),
    ],
    'with a return_url that has a code': [
      400,
      (page) => withReturn(page, `${CALLBACK}?interaction_code=x`),
    ],
    'with a return_url that has an error': [400, (page) => withReturn(page, `${CALLBACK}?error=x`)],
    'with a return_url that is too long': [
      400,
      (page) => withReturn(page, `${CALLBACK}?state=${'x'.repeat(2048)}`),
    ],
  };
  it.each(Object.entries(gets))(
    'opened %s is an error page and no redirect',
    async (_what, [status, change]) => {
      const made = await opened();
      await expectRefused(made, await made.browser.open(change(made.page)), status);
    },
  );

  it('sends nobody back to an agent that publishes no redirect URI', async () => {
    const { api, browser, page } = await opened({ redirectUris: [] });
    expect((await browser.open(page)).status).toBe(400);
    expect(api.refused.at(-1)?.rule).toBe('return_url_origin');
  });

  it('is an error page while the agent cannot be reached, and recovers', async () => {
    const { api, browser, page } = await opened();
    api.discovery.fail(api.agent.id);
    expect((await browser.open(page)).status).toBe(400);
    api.discovery.recover(api.agent.id);
    expect((await browser.open(page)).status).toBe(200);
  });

  it('asks nobody about a request that does not exist', async () => {
    const { api, browser, page } = await opened();
    const before = api.discovery.count;
    await browser.open(other(page, 'request', 'A'.repeat(43)));
    expect(api.discovery.count).toBe(before);
  });

  it('ends after ten minutes', async () => {
    const { api, browser, page } = await opened();
    const form = await formOf(await browser.open(page));
    api.clock.advance(599);
    expect((await browser.open(page)).status).toBe(200);
    api.clock.advance(1);
    expect((await browser.open(page)).status).toBe(404);
    expect((await browser.post(form)).status).toBe(404);
    expect(api.begun).toEqual([]);
  });

  it('is there under its own host only', async () => {
    const { api, browser, page } = await opened();
    const headers = { host: 'other.example' };
    await expectRefused({ api, page }, await browser.open(page, { headers }), 421);
  });

  it.each(['PUT', 'DELETE', 'OPTIONS'])('takes no %s', async (method) => {
    const made = await opened();
    const response = await made.browser.open(made.page, { method });
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
    await expectRefused(made, response, 405);
  });

  const posts: Record<string, [number, Change & { action?: string }]> = {
    'without its form token': [403, { fields: { form_token: undefined } }],
    'with another form token': [403, { fields: { form_token: 'A'.repeat(43) } }],
    'with another return_url': [403, { fields: { return_url: `${CALLBACK}?state=s2` } }],
    'with another request': [403, { fields: { request: 'A'.repeat(43) } }],
    'from another site': [403, { headers: { 'sec-fetch-site': 'cross-site' } }],
    'from the same site but another origin': [403, { headers: { 'sec-fetch-site': 'same-site' } }],
    'from another origin': [403, { headers: { origin: 'https://evil.example' } }],
    'without its cookie': [403, { headers: { cookie: 'a=b' } }],
    'with the cookie of another browser': [
      403,
      { headers: { cookie: `__Host-countersign-visit=${'A'.repeat(43)}` } },
    ],
    'as another media type': [400, { headers: { 'content-type': 'text/plain' } }],
    'with an answer that is none': [400, { action: 'approve' }],
    'with a body that is too large': [400, { body: 'a'.repeat(20_000) }],
    'under another host': [421, { headers: { host: 'other.example' } }],
  };
  it.each(Object.entries(posts))('answered %s takes no answer', async (_what, [status, change]) => {
    const made = await opened();
    const form = await formOf(await made.browser.open(made.page));
    const response = await made.browser.post(form, change.action, change);
    await expectRefused(made, response, status);
    expect((await made.browser.post(form)).status).toBe(200);
  });

  it('counts a null origin together with the same site only', async () => {
    const made = await opened();
    const form = await formOf(await made.browser.open(made.page));
    const post = async (headers: Record<string, string>): Promise<number> => {
      const response = await made.browser.open(`${API}/aauth/interaction`, {
        method: 'POST',
        body: new URLSearchParams([...form, ['action', 'continue']]),
        headers,
      });
      return response.status;
    };
    expect(await post({ origin: 'null' })).toBe(403);
    expect(made.api.begun).toEqual([]);
    expect(await post({ origin: API })).toBe(200);
    expect(await post({})).toBe(200);
  });

  it('says that it is not available while the store is away', async () => {
    const { api, browser, page } = await opened();
    const find = api.store.find.bind(api.store);
    Object.assign(api.store, { find: () => Promise.reject(new Error('disk /var/db is gone')) });
    const response = await browser.open(page);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('10');
    expect(await response.text()).not.toContain('disk');
    const challenged = await call(api, api.agent, { session: 'A'.repeat(43) });
    expect(challenged.status).toBe(503);
    Object.assign(api.store, { find });
    expect((await browser.open(page)).status).toBe(200);
  });

  it('says that something went wrong when the application cannot begin, and lets the person try again', async () => {
    const { api, browser, page } = await opened();
    const { begin } = api.script;
    api.script.begin = () => {
      throw new Error('secret of the application');
    };
    const response = await browser.answer(page);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    api.script.begin = begin;
    await onwardOf(await browser.answer(page));
  });
});

const without = (page: URL, name: string): URL => {
  const url = new URL(page);
  url.searchParams.delete(name);
  return url;
};
const other = (page: URL, name: string, value: string): URL => {
  const url = new URL(page);
  url.searchParams.set(name, value);
  return url;
};
const more = (page: URL, name: string, value: string): URL => {
  const url = new URL(page);
  url.searchParams.append(name, value);
  return url;
};
