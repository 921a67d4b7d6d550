import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { hashSecret } from '@countersign/protocol';
import { Bench, ISSUER, PASSWORD, type Seen, TestBrowser } from './kit.js';

/** How often a password was hashed, which is what takes the time. */
const hashed = vi.hoisted(() => ({ times: 0 }));
vi.mock(import('@node-rs/argon2'), async (original) => {
  const real = await original();
  return {
    ...real,
    hash: (...parameters: Parameters<typeof real.hash>) => {
      hashed.times += 1;
      return real.hash(...parameters);
    },
    verify: (...parameters: Parameters<typeof real.verify>) => {
      hashed.times += 1;
      return real.verify(...parameters);
    },
  };
});

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());
afterEach(() => {
  // A quarter of an hour later the failures of one test do not count for the next.
  bench.clock.advance(16 * 60);
});

const opened = async (): Promise<TestBrowser> => {
  const browser = new TestBrowser(bench);
  await browser.open(bench.pageUrl(await bench.requestToken()));
  return browser;
};

/** The page without what belongs to this browser and this attempt. */
const plain = ({ text }: Seen, username: string): string =>
  text
    .replaceAll(/(name="(?:csrf|request_token)" value=")[^"]*/gu, '$1')
    .replaceAll(`value="${username}"`, 'value="NAME"');

describe('Signing in', () => {
  it('gives the browser a new cookie; the one it had before is worth nothing', async () => {
    const browser = await opened();
    const before = browser.cookies.get(bench.cookieName) ?? '';
    expect(bench.count('sessions')).toBe(0);
    const answer = await browser.press('sign-in', { username: 'ada', password: PASSWORD });
    expect(answer.status).toBe(303);
    const cookie = browser.cookies.get(bench.cookieName) ?? '';
    expect(cookie).not.toBe(before);
    expect(await bench.storage.sessions.find(await hashSecret(before), bench.clock())).toBe(
      undefined,
    );
    expect(bench.contents()['sessions']).toEqual([
      {
        id_hash: await hashSecret(cookie),
        user_id: 'user-ada',
        created_at: bench.clock(),
        authenticated_at: bench.clock(),
        last_seen_at: bench.clock(),
        expires_at: bench.clock() + 12 * 3600,
      },
    ]);
    // Signing in once more ends the session that was.
    await browser.follow(answer);
    await browser.press('sign-in', { username: 'ada', password: PASSWORD });
    expect(bench.count('sessions')).toBe(1);
    const old = new TestBrowser(bench);
    old.cookies.set(bench.cookieName, cookie);
    expect((await old.open(bench.pageUrl(await bench.requestToken()))).heading).toBe('Sign in');
  });

  it('does not turn a cookie that somebody planted into a session', async () => {
    const planted = 'P'.repeat(43);
    const victim = new TestBrowser(bench);
    victim.cookies.set(bench.cookieName, planted);
    const url = bench.pageUrl(await bench.requestToken());
    await victim.open(url);
    expect((await victim.signIn('ada')).status).toBe(200);
    const attacker = new TestBrowser(bench);
    attacker.cookies.set(bench.cookieName, planted);
    expect((await attacker.open(url)).heading).toBe('Sign in');
    expect(victim.cookies.get(bench.cookieName)).not.toBe(planted);
  });

  it('sets cookies that scripts, other sites and plain http never see', async () => {
    const browser = new TestBrowser(bench);
    const first = await browser.open(bench.pageUrl(await bench.requestToken()));
    const then = await browser.press('sign-in', { username: 'ada', password: PASSWORD });
    const attributes = (seen: Seen) =>
      seen.headers.getSetCookie().map((line) => line.replace(/=[\w-]{43};/u, '=VALUE;'));
    const always = '__Host-countersign=VALUE; Path=/; HttpOnly; SameSite=Lax; Secure';
    expect(attributes(first)).toEqual([always]);
    expect(attributes(then)).toEqual([
      `${always}; Max-Age=43200`,
      `${always.replace('=VALUE', '-known=VALUE')}; Max-Age=2592000`,
    ]);
    // A browser that has a cookie is not given another one by looking.
    expect((await browser.follow(then)).headers.getSetCookie()).toEqual([]);
  });

  it('tells a wrong password and an unknown user apart neither by bytes nor by work', async () => {
    const attempt = async (username: string, password: string) => {
      const browser = await opened();
      hashed.times = 0;
      const seen = await browser.press('sign-in', { username, password });
      return { seen, work: hashed.times, names: [...seen.headers.keys()] };
    };
    await bench.addPerson('gone');
    await bench.storage.users.disable('user-gone', bench.clock());
    const wrong = await attempt('ada', 'wrong');
    expect(wrong.seen.status).toBe(403);
    expect(wrong.work).toBe(1);
    for (const [username, password] of [
      ['nobody', 'wrong'],
      ['nobody', PASSWORD],
      ['gone', PASSWORD],
      ['gone', 'wrong'],
    ] as const) {
      const other = await attempt(username, password);
      expect({ username, page: plain(other.seen, username) }).toEqual({
        username,
        page: plain(wrong.seen, 'ada'),
      });
      expect([other.seen.status, other.work, other.names]).toEqual([403, 1, wrong.names]);
    }
    const { seen: right, work } = await attempt('ada', PASSWORD);
    expect([right.status, work]).toEqual([303, 1]);
  });

  it('keeps the name that was typed and never the password', async () => {
    const browser = await opened();
    const seen = await browser.press('sign-in', { username: '<ada "1">', password: 's3cret-word' });
    expect(seen.text).toContain('value="&lt;ada &quot;1&quot;&gt;"');
    expect(seen.text).not.toContain('s3cret-word');
    expect(JSON.stringify(bench.contents())).not.toContain('s3cret-word');
    expect(seen.forms[0]?.inputs).toEqual(['username', 'password']);
  });

  it('is refused without a name, without a password and with endless ones, at no cost', async () => {
    const browser = await opened();
    const { page } = browser;
    hashed.times = 0;
    for (const fields of [
      {},
      { username: 'ada' },
      { username: 'ada', password: '' },
      { username: 'ada', password: 'x'.repeat(1025) },
      { username: 'a'.repeat(257), password: PASSWORD },
    ]) {
      browser.page = page;
      expect((await browser.press('sign-in', fields)).status).toBe(403);
    }
    expect(hashed.times).toBe(0);
  });

  it('has an end to guessing: the eleventh attempt is answered with 429, without looking', async () => {
    const browser = await opened();
    browser.address = '198.51.100.9';
    for (let attempt = 1; attempt <= 10; attempt++) {
      // Nothing is hashed for an empty password, which is a failure like any other.
      expect((await browser.press('sign-in', { username: 'ben', password: '' })).status).toBe(403);
    }
    hashed.times = 0;
    const eleventh = await browser.press('sign-in', { username: 'ben', password: PASSWORD });
    expect(eleventh.status).toBe(429);
    expect(Number(eleventh.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(eleventh.headers.get('retry-after'))).toBeLessThanOrEqual(900);
    expect(hashed.times).toBe(0);
    // A name nobody has gets the same page.
    const unknown = await opened();
    unknown.address = '198.51.100.10';
    for (let attempt = 1; attempt <= 10; attempt++) {
      await unknown.press('sign-in', { username: 'nobody', password: '' });
    }
    const same = await unknown.press('sign-in', { username: 'nobody', password: PASSWORD });
    expect([same.status, plain(same, 'nobody')]).toEqual([429, plain(eleventh, 'ben')]);
    // The person at their own address is not locked out by it.
    const own = await opened();
    expect((await own.signIn('ben')).status).toBe(200);
    // And where it happened it goes on when the time is over.
    bench.clock.advance(Number(eleventh.headers.get('retry-after')));
    const later = await opened();
    later.address = '198.51.100.9';
    expect((await later.signIn('ben')).status).toBe(200);
  });
});

describe('A session', () => {
  it('ends after twelve hours', async () => {
    const browser = await opened();
    await browser.signIn('ada');
    const heading = async () =>
      (await browser.open(bench.pageUrl(await bench.requestToken()))).heading;
    bench.clock.advance(12 * 3600 - 1);
    expect(await heading()).toBe('Allow access to rs.example?');
    bench.clock.advance(1);
    expect(await heading()).toBe('Sign in');
  });

  it('that ended while the page was open asks to sign in again before it takes the answer', async () => {
    const browser = await bench.signedIn('ada');
    bench.clock.advance(12 * 3600 - 1);
    const requestToken = await bench.requestToken();
    await browser.open(bench.pageUrl(requestToken));
    bench.clock.advance(1);
    const before = bench.contents();
    const answer = await browser.press('approve');
    expect(answer.location?.href).toBe(bench.pageUrl(requestToken));
    expect(bench.contents()).toEqual(before);
    expect((await browser.follow(answer)).heading).toBe('Sign in');
    expect((await browser.signIn('ada')).status).toBe(200);
    expect((await browser.press('approve')).location?.searchParams.has('code')).toBe(true);
  });

  it('ends when the person is disabled', async () => {
    await bench.addPerson('zoe');
    const browser = await bench.signedIn('zoe');
    const requestToken = await bench.requestToken();
    const url = bench.pageUrl(requestToken);
    expect((await browser.open(url)).status).toBe(200);
    const { page } = browser;
    await bench.storage.users.disable('user-zoe', bench.clock());
    expect((await browser.press('approve')).location?.searchParams.has('code')).toBe(false);
    expect((await browser.open(url)).heading).toBe('Sign in');
    browser.page = page;
    expect((await browser.press('approve')).location?.origin).toBe(ISSUER);
  });

  it.each([
    ['that is too short', 'abc'],
    ['of other characters', `${'a'.repeat(42)}=`],
    ['in quotes', `"${'a'.repeat(43)}"`],
    ['that nobody was given', 'a'.repeat(43)],
  ])('is not found under a cookie %s', async (_, value) => {
    const browser = new TestBrowser(bench);
    browser.cookies.set(bench.cookieName, value);
    const seen = await browser.open(bench.pageUrl(await bench.requestToken()));
    expect([seen.status, seen.heading]).toEqual([200, 'Sign in']);
  });

  it('is not found when two cookies claim to be it, in either order', async () => {
    const browser = await bench.signedIn('ada');
    const real = `${bench.cookieName}=${browser.cookies.get(bench.cookieName)}`;
    const planted = `${bench.cookieName}=${'P'.repeat(43)}`;
    const url = bench.pageUrl(await bench.requestToken());
    for (const cookie of [`${real}; ${planted}`, `${planted}; ${real}`, `${real}; ${real}`]) {
      expect((await browser.open(url, { cookie })).heading).toBe('Sign in');
    }
    expect((await browser.open(url, { cookie: `a=b; ${real};c=d` })).heading).not.toBe('Sign in');
    const { page } = browser;
    for (const cookie of [`${real}; ${planted}`, `${planted}; ${real}`]) {
      browser.page = page;
      expect((await browser.press('approve', {}, { cookie })).status).toBe(403);
    }
  });

  it('is not found under a cookie whose name only looks like it', async () => {
    const browser = await bench.signedIn('ada');
    const value = browser.cookies.get(bench.cookieName) ?? '';
    const url = bench.pageUrl(await bench.requestToken());
    for (const name of [
      'countersign',
      '__Host-countersign2',
      'x__Host-countersign',
      '__host-countersign',
    ]) {
      expect((await browser.open(url, { cookie: `${name}=${value}` })).heading).toBe('Sign in');
    }
  });
});

describe('On loopback without https', () => {
  it('the port is part of the cookie’s name, and nothing else is weaker', async () => {
    const local = await Bench.open({
      issuer: 'http://127.0.0.1:8003',
      agentId: 'http://127.0.0.1:8001',
      redirectUri: 'http://127.0.0.1:8001/callback',
      server: { insecureLoopback: true },
    });
    try {
      const browser = new TestBrowser(local);
      const first = await browser.open(local.pageUrl(await local.requestToken()));
      expect(first.headers.getSetCookie()).toEqual([
        expect.stringMatching(/^countersign-8003=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/u),
      ]);
      expect((await browser.signIn('ada')).status).toBe(200);
      const { location } = await browser.press('approve', {}, { origin: 'null' });
      expect(location?.origin).toBe('http://127.0.0.1:8001');
      expect(location?.searchParams.get('iss')).toBe('http://127.0.0.1:8003');
    } finally {
      await local.close();
    }
  });
});
