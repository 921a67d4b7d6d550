import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashSecret } from '@countersign/protocol';
import { Bench, type HeaderChanges, ISSUER, TestBrowser } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const claimant = async (requestToken: string): Promise<unknown> => {
  const hash = await hashSecret(requestToken);
  return bench.contents()['pending_decisions']?.find(({ id_hash }) => id_hash === hash)?.[
    'claimed_by'
  ];
};

describe('Opening a request', () => {
  it('writes nothing while nobody is signed in', async () => {
    const requestToken = await bench.requestToken();
    const before = bench.contents();
    expect((await new TestBrowser(bench).open(bench.pageUrl(requestToken))).status).toBe(200);
    expect(bench.contents()).toEqual(before);
  });

  it('writes the claim of the person who is signed in, once, and nothing else', async () => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    const { pending_decisions: requests = [], ...others } = bench.contents();
    await browser.open(bench.pageUrl(requestToken));
    const { pending_decisions: afterwards = [], ...unchanged } = bench.contents();
    expect(unchanged).toEqual(others);
    const changed = afterwards.filter((one, at) => {
      return JSON.stringify(one) !== JSON.stringify(requests[at]);
    });
    expect(changed).toEqual([
      { ...requests.at(-1), claimed_by: 'user-ada', claimed_at: bench.clock() },
    ]);
    bench.clock.advance(1);
    await browser.open(bench.pageUrl(requestToken));
    expect(bench.contents()['pending_decisions']).toEqual(afterwards);
  });

  it.each<[string, HeaderChanges, string?]>([
    ['HEAD', {}, 'HEAD'],
    ['a prefetch', { 'sec-purpose': 'prefetch' }],
    ['a prerendering', { 'sec-purpose': 'prefetch;prerender' }],
    ['a prefetch in the old spelling', { purpose: 'prefetch' }],
    ['a prefetch of old Firefox', { 'x-moz': 'prefetch' }],
    ['a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['an image', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['an embedded object', { 'sec-fetch-dest': 'object' }],
  ])('claims nothing by %s, and shows nothing', async (_, headers, method) => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    const before = bench.contents();
    const answer = await browser.open(bench.pageUrl(requestToken), headers, method);
    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    expect(bench.contents()).toEqual(before);
    // The positive control: the same address, opened by the person.
    expect((await browser.open(bench.pageUrl(requestToken))).status).toBe(200);
    expect(await claimant(requestToken)).toBe('user-ada');
  });

  it('claims for a browser that says nothing of how it asks', async () => {
    const requestToken = await bench.requestToken();
    const silent = {
      'sec-fetch-site': undefined,
      'sec-fetch-mode': undefined,
      'sec-fetch-dest': undefined,
    };
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(requestToken), silent);
    expect(await claimant(requestToken)).toBe('user-ada');
  });

  it('has one winner when several people open it at once', async () => {
    const requestToken = await bench.requestToken();
    const browsers = await Promise.all(
      ['ada', 'ben', 'ada', 'ben'].map((name) => bench.signedIn(name)),
    );
    const pages = await Promise.all(browsers.map((one) => one.open(bench.pageUrl(requestToken))));
    const statuses = pages.map(({ status }) => status);
    const winner = await claimant(requestToken);
    expect(statuses).toEqual(winner === 'user-ada' ? [200, 403, 200, 403] : [403, 200, 403, 200]);
  });
});

describe('A request that somebody has opened', () => {
  it('shows other people that it is someone else’s, and cannot be answered by them', async () => {
    const requestToken = await bench.requestToken();
    const ada = await bench.signedIn('ada');
    const ben = await bench.signedIn('ben');
    // Ben has a form too: he opened the request first and gave it back elsewhere.
    await ben.open(bench.pageUrl(requestToken));
    const bensPage = ben.page;
    await bench.storage.pendingDecisions.release(await hashSecret(requestToken), 'user-ben');
    await ada.open(bench.pageUrl(requestToken));

    const seen = await ben.open(bench.pageUrl(requestToken));
    expect([seen.status, seen.heading]).toEqual([403, 'This request was opened by someone else']);
    // As a word: a random token may have these letters in it.
    expect(seen.text).not.toMatch(/\bada\b/);
    for (const action of ['approve', 'deny']) {
      ben.page = bensPage;
      const answer = await ben.press(action);
      expect([answer.status, answer.location]).toEqual([403, undefined]);
    }
    expect(await claimant(requestToken)).toBe('user-ada');
    expect((await ada.press('approve')).location?.searchParams.has('code')).toBe(true);
  });

  it('may be answered from another session of the same person', async () => {
    const requestToken = await bench.requestToken();
    await (await bench.signedIn('ada')).open(bench.pageUrl(requestToken));
    const phone = await bench.signedIn('ada');
    expect((await phone.open(bench.pageUrl(requestToken))).status).toBe(200);
    expect((await phone.press('approve')).location?.searchParams.has('code')).toBe(true);
  });

  it('is given back by "use another account", which also ends the session', async () => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    const old = browser.cookies.get(bench.cookieName) ?? '';
    await browser.open(bench.pageUrl(requestToken));
    const adasPage = browser.page;
    const answer = await browser.press('switch-account');
    expect(answer.status).toBe(303);
    expect(await claimant(requestToken)).toBeNull();
    expect(await bench.storage.sessions.find(await hashSecret(old), bench.clock())).toBeUndefined();
    expect((await browser.follow(answer)).heading).toBe('Sign in');
    expect((await browser.signIn('ben')).heading).toBe('Allow access to rs.example?');
    expect(await claimant(requestToken)).toBe('user-ben');
    // The page ada left open in this browser answers nothing any more.
    const bensPage = browser.page;
    browser.page = adasPage;
    expect((await browser.press('approve')).status).toBe(403);
    browser.page = bensPage;
    expect((await browser.press('approve')).location?.searchParams.has('code')).toBe(true);
  });

  it('is not given back by somebody whose it is not', async () => {
    const requestToken = await bench.requestToken();
    await (await bench.signedIn('ada')).open(bench.pageUrl(requestToken));
    const ben = await bench.signedIn('ben');
    await ben.open(bench.pageUrl(requestToken));
    expect((await ben.press('switch-account')).status).toBe(303);
    expect(await claimant(requestToken)).toBe('user-ada');
    expect((await ben.open(bench.pageUrl(requestToken))).heading).toBe('Sign in');
  });

  it('sends a person who gave it back elsewhere to open it anew before it is answered', async () => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(requestToken));
    await bench.storage.pendingDecisions.release(await hashSecret(requestToken), 'user-ada');
    const answer = await browser.press('approve');
    expect(answer.location?.href).toBe(bench.pageUrl(requestToken));
    expect((await browser.follow(answer)).status).toBe(200);
    expect((await browser.press('approve')).location?.searchParams.has('code')).toBe(true);
  });
});

describe('Somebody without a session, such as the agent, which knows the request token', () => {
  it('cannot answer a request, claimed or not', async () => {
    const requestToken = await bench.requestToken();
    const fields = { request_token: requestToken, redirect_uri: bench.redirectUri };
    const post = (more: Record<string, string>, headers: Record<string, string> = {}) =>
      bench.send(
        new Request(`${ISSUER}/agent/auth`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          body: new URLSearchParams({ ...fields, ...more }).toString(),
        }),
      );
    const before = bench.contents();
    for (const action of ['approve', 'deny', 'switch-account']) {
      expect((await post({ action })).status).toBe(403);
      // Not even with a form it was shown itself, in a browser of its own that is signed out.
      const browser = new TestBrowser(bench);
      await browser.open(bench.pageUrl(requestToken));
      const answer = await browser.press(action);
      expect(answer.location?.searchParams.has('code')).not.toBe(true);
      expect(answer.location?.origin ?? ISSUER).toBe(ISSUER);
    }
    expect(bench.contents()).toEqual(before);
    const ada = await bench.signedIn('ada');
    await ada.open(bench.pageUrl(requestToken));
    expect((await post({ action: 'approve' })).status).toBe(403);
    expect((await ada.press('approve')).location?.searchParams.has('code')).toBe(true);
  });
});
