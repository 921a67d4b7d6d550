import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashSecret } from '@countersign/protocol';
import { Bench, type HeaderChanges, ISSUER, OWN_FORM, type Seen, TestBrowser } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const open = async (username = 'ada') => {
  const browser = await bench.signedIn(username);
  const requestToken = await bench.requestToken();
  const page = await browser.open(bench.pageUrl(requestToken));
  return { browser, requestToken, page, csrf: page.forms[0]?.hidden['csrf'] ?? '' };
};

async function expectNotTaken(requestToken: string, act: () => Promise<Seen>): Promise<void> {
  const before = bench.contents();
  const answer = await act();
  expect([answer.status, answer.heading, answer.location]).toEqual([
    403,
    'This page is out of date',
    undefined,
  ]);
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(bench.contents()).toEqual(before);
  const hash = await hashSecret(requestToken);
  expect(before['pending_decisions']?.find(({ id_hash }) => id_hash === hash)).toMatchObject({
    outcome: null,
  });
}

describe('The token in a form', () => {
  it('is bound to the browser’s session and to the request', async () => {
    const [one, other] = [await open(), await open()];
    expect(one.csrf).toMatch(/^[\w-]{43}$/u);
    expect(one.csrf).not.toBe(other.csrf);
    const second = await bench.requestToken();
    const page = await one.browser.open(bench.pageUrl(second));
    expect(page.forms[0]?.hidden['csrf']).not.toBe(one.csrf);
  });

  it('gives away neither the cookie nor its hash', async () => {
    const { browser, page } = await open();
    const cookie = browser.cookies.get(bench.cookieName) ?? '';
    expect(page.text).not.toContain(cookie);
    expect(page.text).not.toContain(await hashSecret(cookie));
  });

  it.each(['approve', 'deny', 'switch-account', 'sign-in'])(
    'must be there, and right, to %s',
    async (action) => {
      const { browser, requestToken, page, csrf } = await open();
      const others = await open('ben');
      const sameAgain = await bench.signedIn('ada');
      const otherRequest = await bench.requestToken();
      const ofOtherRequest = await browser.open(bench.pageUrl(otherRequest));
      const ofOtherSession = await sameAgain.open(bench.pageUrl(requestToken));
      for (const wrong of [
        undefined,
        '',
        csrf.slice(0, -1),
        `${csrf}x`,
        csrf.startsWith('A') ? `B${csrf.slice(1)}` : `A${csrf.slice(1)}`,
        others.csrf,
        ofOtherRequest.forms[0]?.hidden['csrf'],
        ofOtherSession.forms[0]?.hidden['csrf'],
      ]) {
        browser.page = page;
        await expectNotTaken(requestToken, () => browser.press(action, { csrf: wrong }));
      }
      browser.page = page;
      const fields = { username: 'ada', password: 'wrong' };
      const taken = await browser.press(action, fields);
      expect(taken.heading).not.toBe('This page is out of date');
    },
  );

  it('is of no use for another request of the same session', async () => {
    const { browser, page, requestToken } = await open();
    const other = await bench.requestToken();
    await browser.open(bench.pageUrl(other));
    browser.page = page;
    await expectNotTaken(other, () => browser.press('approve', { request_token: other }));
    browser.page = page;
    expect((await browser.press('approve')).status).toBe(303);
    expect(requestToken).not.toBe(other);
  });

  it('is of no use once the person has signed in again', async () => {
    const { browser, page, requestToken } = await open();
    await browser.press('sign-in', { username: 'ada', password: 'correct horse battery staple' });
    browser.page = page;
    await expectNotTaken(requestToken, () => browser.press('approve'));
  });

  it('offers to open the request again where that leads back to it', async () => {
    const { browser, requestToken } = await open();
    const answer = await browser.press('approve', { csrf: 'x' });
    const href = /<a href="([^"]*)"/u.exec(answer.text)?.[1]?.replaceAll('&amp;', '&');
    expect(new URL(href ?? '', ISSUER).href).toBe(bench.pageUrl(requestToken));
  });
});

describe('Where a form comes from', () => {
  it.each<[string, HeaderChanges]>([
    ['another site’s origin', { origin: 'https://evil.example' }],
    ['the agent’s origin', { origin: 'https://agent.example' }],
    ['its own origin on another port', { origin: `${ISSUER}:8443` }],
    ['its own host over plain http', { origin: ISSUER.replace('https', 'http') }],
    ['its own origin in capitals', { origin: ISSUER.toUpperCase() }],
    ['an origin that begins like its own', { origin: `${ISSUER}.evil.example` }],
    ['an empty origin', { origin: '' }],
    ['Origin: null alone', { origin: 'null', 'sec-fetch-site': undefined }],
    ['Origin: null from another site', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['Origin: null from a sibling', { origin: 'null', 'sec-fetch-site': 'same-site' }],
    ['Origin: null from nowhere', { origin: 'null', 'sec-fetch-site': 'none' }],
    ['its own origin, sent by another site', { origin: ISSUER, 'sec-fetch-site': 'cross-site' }],
    ['no origin, sent by another site', { origin: undefined, 'sec-fetch-site': 'cross-site' }],
    ['no origin, sent by a sibling', { origin: undefined, 'sec-fetch-site': 'same-site' }],
    ['two sites at once', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ])('is looked at: %s is refused, with the right token and cookie', async (_, headers) => {
    const { browser, page, requestToken } = await open();
    for (const action of ['approve', 'deny', 'switch-account']) {
      browser.page = page;
      await expectNotTaken(requestToken, () => browser.press(action, {}, headers));
    }
    browser.page = page;
    expect((await browser.press('approve')).status).toBe(303);
  });

  it.each<[string, HeaderChanges]>([
    ['Chromium: Origin null and same-origin', OWN_FORM],
    ['its own origin', { origin: ISSUER, 'sec-fetch-site': undefined }],
    ['its own origin and same-origin', { origin: ISSUER, 'sec-fetch-site': 'same-origin' }],
    ['same-origin without an origin', { origin: undefined, 'sec-fetch-site': 'same-origin' }],
    ['an old browser that says neither', { origin: undefined, 'sec-fetch-site': undefined }],
  ])('may be %s', async (_, headers) => {
    const { browser } = await open();
    expect((await browser.press('approve', {}, headers)).status).toBe(303);
  });
});

describe('The host that a browser asked', () => {
  it.each([
    'other.example',
    'as.example:8443',
    'as.example.evil.example',
    'evil.example@as.example',
  ])('must be this server’s own: %s is answered with 421', async (host) => {
    const { browser, page } = await open();
    const url = bench.pageUrl(await bench.requestToken());
    const before = bench.contents();
    const opened = await browser.open(url, { host });
    expect([opened.status, opened.heading]).toEqual([421, 'This server goes by another name']);
    expect(opened.text).not.toContain('evil');
    browser.page = page;
    expect((await browser.press('approve', {}, { host })).status).toBe(421);
    expect(bench.contents()).toEqual(before);
  });

  it('may be written in capitals', async () => {
    const { browser } = await open();
    expect((await browser.press('approve', {}, { host: 'AS.Example' })).status).toBe(303);
  });

  it('is not taken from what a proxy might have added', async () => {
    const { browser } = await open();
    const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' };
    const answer = await browser.press('approve', {}, headers);
    expect(answer.location?.searchParams.get('iss')).toBe(ISSUER);
  });
});

describe('Every page', () => {
  it('comes with the same strict headers, whatever it says', async () => {
    const { browser, page, requestToken } = await open();
    const url = bench.pageUrl(requestToken);
    const ben = await bench.signedIn('ben');
    const signIn = await new TestBrowser(bench).open(url);
    const wrong = new TestBrowser(bench);
    await wrong.open(url);
    const pages: Record<string, Seen> = {
      consent: page,
      signIn,
      wrongPassword: await wrong.press('sign-in', { username: 'ada', password: 'wrong' }),
      claimed: await ben.open(url),
      unknown: await browser.open(bench.pageUrl('A'.repeat(43))),
      mismatch: await browser.open(
        bench.pageUrl(requestToken, { redirect_uri: 'https://x.example' }),
      ),
      incomplete: await browser.open(`${ISSUER}/agent/auth`),
      notFound: await browser.open(`${ISSUER}/nothing`),
      wrongHost: await browser.open(url, { host: 'other.example' }),
      method: await browser.open(url, {}, 'DELETE'),
    };
    browser.page = page;
    pages['formExpired'] = await browser.press('approve', { csrf: 'x' });
    browser.page = page;
    await browser.press('approve');
    pages['answered'] = await browser.open(url);
    for (const [name, { headers, status }] of Object.entries(pages)) {
      const policy = headers.get('content-security-policy') ?? '';
      expect({ name, status, policy: policy.replaceAll(/sha256-[\w+/=]+/gu, 'HASH') }).toEqual({
        name,
        status,
        policy: expect.stringMatching(
          /^default-src 'none'; style-src 'HASH'; img-src data:; form-action 'self'( https:\/\/agent\.example)?; frame-ancestors 'none'; base-uri 'none'$/u,
        ),
      });
      expect({
        name,
        cache: headers.get('cache-control'),
        referrer: headers.get('referrer-policy'),
        type: headers.get('content-type'),
        sniffing: headers.get('x-content-type-options'),
        frames: headers.get('x-frame-options'),
      }).toEqual({
        name,
        cache: 'no-store',
        referrer: 'no-referrer',
        type: 'text/html; charset=utf-8',
        sniffing: 'nosniff',
        frames: 'DENY',
      });
    }
    // Only the page whose answer leads there may lead to the agent.
    const leading = Object.entries(pages).filter(([, { headers }]) =>
      headers.get('content-security-policy')?.includes('agent.example'),
    );
    expect(leading.map(([name]) => name)).toEqual(['consent']);
  });

  it('shows hostile words of agent and resource as text', async () => {
    const nasty = '</style><script>alert(1)</script><img src=x onerror=alert(1)>\u202e"\'&';
    const { agent, resource, redirectUri } = bench;
    bench.discovery
      .publishDocument(agent.id, 'aauth-agent', {
        agent: agent.id,
        jwks_uri: `${agent.id}/jwks.json`,
        redirect_uris: [redirectUri],
        name: nasty,
        homepage: 'javascript:alert(1)',
        logo_uri: 'https://tracker.example/logo.png',
        policy_uri: '"><script>alert(1)</script>',
      })
      .publishResource(resource, { name: nasty, scopeDescriptions: { 'data.read': nasty } });
    const browser = new TestBrowser(bench);
    const signIn = await browser.open(bench.pageUrl(await bench.requestToken()));
    const wrong = await browser.press('sign-in', {
      username: nasty.replace('\u202e', ''),
      password: 'x',
    });
    const { page } = await open();
    for (const { text, status } of [signIn, wrong, page]) {
      expect(status === 200 || status === 403).toBe(true);
      expect(text).not.toMatch(/<script|<img|javascript:|tracker\.example|\u202e/u);
    }
    expect(page.text).toContain('&lt;script&gt;');
  });
});
