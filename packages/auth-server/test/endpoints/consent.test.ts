import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64Url } from '@countersign/httpsig';
import { hashSecret } from '@countersign/protocol';
import { decoded, makeDelegate } from '../../../protocol/test/kit.js';
import { textOf } from '../pages/html-forms.js';
import { Bench, ISSUER, type Seen, TestBrowser } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

/** What the agent's callback is given, if it is the callback the person is sent to. */
function callback({ status, location }: Seen): Record<string, string> {
  expect(status).toBe(303);
  expect(location?.href.startsWith(`${bench.redirectUri}?`)).toBe(true);
  return Object.fromEntries(location?.searchParams ?? []);
}

const row = async (requestToken: string) => {
  const hash = await hashSecret(requestToken);
  return bench.contents()['pending_decisions']?.find(({ id_hash }) => id_hash === hash);
};

describe('A person who is sent to the pages', () => {
  it('signs in, sees who asks for what, approves, and returns with code, state and iss', async () => {
    const requestToken = await bench.requestToken({ state: 'x y&z' });
    const browser = new TestBrowser(bench);
    const first = await browser.open(bench.pageUrl(requestToken, { state: 'x y&z' }));
    expect([first.status, first.heading]).toEqual([200, 'Sign in']);
    expect(textOf(first.text)).toContain('https://agent.example asks for access to rs.example');

    const consent = await browser.signIn('ada');
    expect([consent.status, consent.heading]).toEqual([200, 'Allow access to rs.example?']);
    const text = textOf(consent.text);
    for (const part of [
      'https://agent.example',
      'The agent',
      'https://rs.example',
      'Read your data',
      'data.write',
      'Signed in as ada',
    ]) {
      expect(text).toContain(part);
    }

    const given = callback(await browser.press('approve'));
    expect(Object.keys(given)).toEqual(['code', 'state', 'iss']);
    expect(given).toMatchObject({ state: 'x y&z', iss: ISSUER });
    expect(decodeBase64Url(given['code'] ?? '')).toHaveLength(32);
    const { status, json } = await bench.token({
      request_type: 'code',
      code: given['code'] ?? '',
      redirect_uri: bench.redirectUri,
    });
    expect(status).toBe(200);
    expect(decoded(String(json['auth_token'])).payload).toMatchObject({
      sub: 'sub-ada',
      agent: bench.agent.id,
      scope: 'data.read data.write',
    });
  });

  it('denies, and returns with error, state and iss and without a code', async () => {
    const requestToken = await bench.requestToken({ state: 's1' });
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(requestToken));
    const codes = bench.count('codes');
    const grants = bench.contents()['grants'];
    const given = callback(await browser.press('deny'));
    expect(given).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 's1',
      iss: ISSUER,
    });
    expect(bench.count('codes')).toBe(codes);
    expect(bench.contents()['grants']).toEqual(grants);
    expect(await row(requestToken)).toMatchObject({ outcome: 'denied' });
  });

  it('is redirected by a response that nobody stores and that names no referrer', async () => {
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(await bench.requestToken()));
    const { headers, text } = await browser.press('approve');
    expect(text).toBe('');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('keeps the query of the redirect URI byte for byte', async () => {
    const published = 'https://agent.example/callback?tenant=a%20b&empty=&%7e';
    bench.discovery.publishAgent(bench.agent, { redirectUris: [bench.redirectUri, published] });
    const { json } = await bench.token({
      ...(await bench.accessRequest()),
      redirect_uri: published,
    });
    const browser = await bench.signedIn('ada');
    const requestToken = String(json['request_token']);
    await browser.open(bench.pageUrl(requestToken, { redirect_uri: published }));
    const { headers } = await browser.press('approve');
    expect(headers.get('location')).toMatch(
      /^https:\/\/agent\.example\/callback\?tenant=a%20b&empty=&%7e&code=[\w-]{43}&iss=/u,
    );
  });
});

describe('State', () => {
  const answered = async (stored: string | undefined, inUrl: string | undefined) => {
    const requestToken = await bench.requestToken(stored === undefined ? {} : { state: stored });
    const browser = await bench.signedIn('ada');
    const more = inUrl === undefined ? {} : { state: inUrl };
    const page = await browser.open(bench.pageUrl(requestToken, more));
    if (page.status !== 200) return [page.status, page.heading, await row(requestToken)] as const;
    return callback(await browser.press('deny'))['state'];
  };

  it('comes back when it was sent with the request, in the address, or in both', async () => {
    expect(await answered('s1', undefined)).toBe('s1');
    expect(await answered(undefined, 's2')).toBe('s2');
    expect(await answered('s3', 's3')).toBe('s3');
    expect(await answered(undefined, undefined)).toBeUndefined();
  });

  it('that differs between the two stops here: nobody is sent anywhere', async () => {
    const [status, heading, decision] = (await answered('s1', 's2')) ?? [];
    expect([status, heading]).toEqual([400, 'This address was changed on the way']);
    expect(decision).toMatchObject({ claimed_by: null, outcome: null });
  });

  it('cannot be exchanged in the form', async () => {
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(await bench.requestToken({ state: 's1' })));
    const answer = await browser.press('approve', { state: 's2' });
    expect([answer.status, answer.location]).toEqual([400, undefined]);
  });

  it.each(['', 'é', 'a\nb', 'z'.repeat(1025)])('%j in the address is refused', async (state) => {
    const browser = await bench.signedIn('ada');
    const answer = await browser.open(bench.pageUrl(await bench.requestToken(), { state }));
    expect([answer.status, answer.location]).toEqual([400, undefined]);
  });
});

describe('The pages lead nowhere', () => {
  const REDIRECTS = [
    'https://evil.example/callback',
    'https://agent.example/callback/',
    'https://agent.example/callback?x=1',
    'HTTPS://agent.example/callback',
    '',
  ];
  it.each(REDIRECTS)('but to the stored redirect URI: not to "%s"', async (redirect_uri) => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    const opened = await browser.open(bench.pageUrl(requestToken, { redirect_uri }));
    expect([opened.status, opened.location]).toEqual([400, undefined]);
    expect(opened.text).not.toContain('evil');
    expect(await row(requestToken)).toMatchObject({ claimed_by: null, outcome: null });
    // Nor from a page that was opened rightly and whose form was changed.
    await browser.open(bench.pageUrl(requestToken));
    const posted = await browser.press('approve', { redirect_uri });
    expect([posted.status, posted.location]).toEqual([400, undefined]);
    expect(await row(requestToken)).toMatchObject({ outcome: null });
  });

  it('for a request that nobody made', async () => {
    const browser = await bench.signedIn('ada');
    const answer = await browser.open(bench.pageUrl('A'.repeat(43)));
    expect([answer.status, answer.heading]).toEqual([404, 'There is no such request']);
  });

  it('for a request that has expired, not even for a form that was open', async () => {
    const requestToken = await bench.requestToken();
    const browser = await bench.signedIn('ada');
    bench.clock.advance(599);
    expect((await browser.open(bench.pageUrl(requestToken))).status).toBe(200);
    bench.clock.advance(1);
    const posted = await browser.press('approve');
    expect([posted.status, posted.heading]).toEqual([410, 'This request has expired']);
    expect((await browser.open(bench.pageUrl(requestToken))).status).toBe(410);
    expect(await row(requestToken)).toMatchObject({ outcome: null });
  });

  it.each([
    ['approve', 'This request was approved'],
    ['deny', 'This request was denied'],
  ])('for a request that was answered: %s', async (action, heading) => {
    const browser = await bench.signedIn('ada');
    const url = bench.pageUrl(await bench.requestToken());
    const page = await browser.open(url);
    expect((await browser.press(action)).status).toBe(303);
    const before = bench.contents();
    for (const again of ['approve', 'deny', 'switch-account']) {
      browser.page = page;
      const answer = await browser.press(again);
      expect([answer.status, answer.heading, answer.location]).toEqual([410, heading, undefined]);
    }
    expect(await browser.open(url)).toMatchObject({ status: 410, heading });
    expect(bench.contents()).toEqual(before);
  });

  it.each<[string, string]>([
    ['without request_token', '?redirect_uri=https%3A%2F%2Fagent.example%2Fcallback'],
    ['without redirect_uri', '?request_token=abc'],
    ['without anything', ''],
    ['with a request_token given twice', '?request_token=a&request_token=a&redirect_uri=x'],
    ['with an endless request_token', `?request_token=${'a'.repeat(257)}&redirect_uri=x`],
    ['that is not UTF-8', '?request_token=%ff&redirect_uri=%ff'],
  ])('for an address %s', async (_, query) => {
    const answer = await new TestBrowser(bench).open(`${ISSUER}/agent/auth${query}`);
    expect([400, 404]).toContain(answer.status);
    expect(answer.location).toBeUndefined();
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('for %s', async (method) => {
    const answer = await new TestBrowser(bench).open(`${ISSUER}/agent/auth`, {}, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it('for a form of more than 64 KiB, or of another kind, or with an unknown button', async () => {
    const browser = await bench.signedIn('ada');
    const requestToken = await bench.requestToken();
    const page = await browser.open(bench.pageUrl(requestToken));
    expect((await browser.press('approve', { filler: 'x'.repeat(65_536) })).status).toBe(413);
    for (const [action, headers] of [
      ['approve', { 'content-type': 'text/plain' }],
      ['approve', { 'content-type': undefined }],
      ['Approve', {}],
      ['constructor', {}],
    ] as const) {
      browser.page = page;
      expect((await browser.press(action, {}, headers)).status).toBe(400);
    }
    expect(await row(requestToken)).toMatchObject({ outcome: null });
  });
});

describe('What was shown is what is granted', () => {
  afterEach(() => {
    bench.discovery
      .publishAgent(bench.agent, { redirectUris: [bench.redirectUri], name: 'The agent' })
      .publishResource(bench.resource);
  });

  it('whatever agent and resource say of themselves in the meantime', async () => {
    const requestToken = await bench.requestToken({ scope: ['data.read'] });
    const browser = await bench.signedIn('ben');
    const shown = await browser.open(bench.pageUrl(requestToken));
    bench.discovery
      .publishAgent(bench.agent, { redirectUris: ['https://evil.example/'], name: 'Your bank' })
      .publishResource(bench.resource, { scopeDescriptions: { 'data.read': 'Delete the world' } });
    const lookups = bench.discovery.count;
    const again = await browser.open(bench.pageUrl(requestToken));
    expect(again.text).toBe(shown.text);
    const given = callback(await browser.press('approve'));
    expect(bench.discovery.count).toBe(lookups);
    bench.discovery.publishAgent(bench.agent, { redirectUris: [] });
    const { json } = await bench.token({ request_type: 'code', code: given['code'] ?? '' });
    expect(decoded(String(json['auth_token'])).payload['scope']).toBe('data.read');
  });

  it('and a form cannot add to it', async () => {
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(await bench.requestToken({ scope: ['data.read'] })));
    const extra = { scope: 'data.read admin', sub: 'root', user_id: 'user-ben' };
    const given = callback(await browser.press('approve', extra));
    const { json } = await bench.token({ request_type: 'code', code: given['code'] ?? '' });
    expect(decoded(String(json['auth_token'])).payload).toMatchObject({
      scope: 'data.read',
      sub: 'sub-ada',
    });
  });
});

describe('A decision that is remembered', () => {
  const shown = async (scope: string[], username = 'zoe') => {
    const browser = await bench.signedIn(username);
    const page = await browser.open(bench.pageUrl(await bench.requestToken({ scope })));
    return { browser, page, text: textOf(page.text) };
  };

  it('shortens the page to continue and cancel, and is nothing without the person’s answer', async () => {
    await bench.addPerson('zoe');
    const first = await shown(['a.read']);
    expect(first.page.heading).toBe('Allow access to rs.example?');
    await first.browser.press('approve');
    const codes = bench.count('codes');
    const second = await shown(['a.read']);
    expect(second.page.heading).toBe('Continue to agent.example?');
    expect(bench.count('codes')).toBe(codes);
    expect(callback(await second.browser.press('approve'))).toHaveProperty('code');
    const third = await shown(['a.read']);
    expect(callback(await third.browser.press('deny'))).toMatchObject({ error: 'access_denied' });
    // Cancelling this time takes nothing back.
    expect((await shown(['a.read'])).page.heading).toBe('Continue to agent.example?');
  });

  it('marks what is new when more is asked for', async () => {
    const { page, text, browser } = await shown(['a.read', 'a.write']);
    expect(page.heading).toBe('Allow access to rs.example?');
    expect(text).toMatch(/New rs\.example says: a\.write Already approved by you .*a\.read/u);
    await browser.press('approve');
    expect((await shown(['a.write'])).page.heading).toBe('Continue to agent.example?');
  });

  it('is this person’s alone, and this agent’s own rather than its delegate’s', async () => {
    expect((await shown(['a.read'], 'ben')).page.heading).toBe('Allow access to rs.example?');
    const signer = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const browser = await bench.signedIn('zoe');
    const requestToken = await bench.requestToken({ scope: ['a.read'], signer });
    const page = await browser.open(bench.pageUrl(requestToken));
    expect(page.heading).toBe('Allow access to rs.example?');
    expect(textOf(page.text)).toContain('Through its delegate laptop');
  });

  it('is forgotten once it is withdrawn', async () => {
    await bench.withdraw('zoe');
    expect((await shown(['a.read'])).page.heading).toBe('Allow access to rs.example?');
  });
});

describe('A server that is stopped and started in the middle', () => {
  it('forgets nothing: request, session, form, code and key go on', async () => {
    const requestToken = await bench.requestToken();
    const browser = new TestBrowser(bench);
    const restart = async () => {
      await bench.stop();
      await bench.start();
    };
    await restart();
    await browser.open(bench.pageUrl(requestToken));
    await restart();
    expect((await browser.signIn('ada')).status).toBe(200);
    await restart();
    const { code = '' } = callback(await browser.press('approve'));
    await restart();
    const { status, json } = await bench.token({ request_type: 'code', code });
    expect(status).toBe(200);
    await restart();
    const refresh_token = String(json['refresh_token']);
    const renewed = await bench.token({ request_type: 'refresh', refresh_token });
    const kid = (token: unknown) => decoded(String(token)).header['kid'];
    expect(kid(renewed.json['auth_token'])).toBe(kid(json['auth_token']));
    // What was answered stays answered.
    expect((await browser.open(bench.pageUrl(requestToken))).status).toBe(410);
  });
});

describe('Two answers at once', () => {
  it('have one winner, whichever button was pressed', async () => {
    for (const buttons of [
      ['approve', 'approve', 'approve', 'approve'],
      ['approve', 'deny', 'approve', 'deny'],
      ['deny', 'approve', 'deny', 'approve'],
    ]) {
      const requestToken = await bench.requestToken();
      const browser = await bench.signedIn('ada');
      const [form] = (await browser.open(bench.pageUrl(requestToken))).forms;
      if (form === undefined) throw new Error('no form');
      const codes = bench.count('codes');
      const answers = await Promise.all(
        buttons.map((action) => bench.send(browser.submission(form, { action }))),
      );
      const winners = answers.filter(({ status }) => status === 303);
      expect(winners).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 410)).toHaveLength(3);
      const approved = winners[0]?.headers.get('location')?.includes('code=') === true;
      expect(await row(requestToken)).toMatchObject({ outcome: approved ? 'granted' : 'denied' });
      expect(bench.count('codes')).toBe(codes + (approved ? 1 : 0));
    }
  });
});
