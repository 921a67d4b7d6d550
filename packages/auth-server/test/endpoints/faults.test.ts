import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, Bench, ISSUER } from './kit.js';

/** Words that only the inside of the server knows. */
const INTERNAL =
  /sqlite|busy|locked|database|closed|libsql|kysely|\/tmp|node_modules|\bat .*\.ts/iu;

let bench: Bench;
let lock: Libsql.Database | undefined;
beforeAll(async () => {
  bench = await Bench.open({ lockTimeoutMilliseconds: 20 });
});
afterEach(() => {
  lock?.close();
  lock = undefined;
});
afterAll(() => bench.close());

/** Another process holds the write lock from now on. */
function lockDatabase(): void {
  lock = new Libsql(bench.databaseFile);
  lock.exec('begin immediate');
}

function unlockDatabase(): void {
  lock?.close();
  lock = undefined;
}

function expectUnavailable(answer: Answer): void {
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.text.replaceAll(/<style>.*<\/style>/gsu, '')).not.toMatch(INTERNAL);
  const refused = bench.refused.at(-1);
  expect([refused?.code, refused?.rule]).toEqual([
    'temporarily_unavailable',
    'storage_unavailable',
  ]);
}

describe('While the database can be read but not written', () => {
  it('every request type is answered with 503 and works again afterwards, as if nothing had been', async () => {
    const auth = await bench.accessRequest();
    const code = { request_type: 'code', code: await bench.approvedCode() };
    const { refresh_token } = await bench.granted();
    const refresh = { request_type: 'refresh', refresh_token: String(refresh_token) };
    const before = bench.contents();
    lockDatabase();
    for (const parameters of [auth, code, refresh]) {
      const answer = await bench.token(parameters);
      expectUnavailable(answer);
      expect(answer.json['error']).toBe('temporarily_unavailable');
    }
    bench.policy = () => ({ decision: 'grant' });
    expectUnavailable(await bench.token(auth));
    bench.policy = () => ({ decision: 'ask-person' });
    unlockDatabase();
    expect(bench.contents()).toEqual(before);
    for (const parameters of [auth, code, refresh]) {
      expect((await bench.token(parameters)).status).toBe(200);
    }
  });

  it('every step of the pages is answered with a 503 page and works again afterwards', async () => {
    const browser = await bench.signedIn('ada');
    const url = bench.pageUrl(await bench.requestToken());
    lockDatabase();
    expectUnavailable(await browser.open(url));
    unlockDatabase();
    expect((await browser.open(url)).status).toBe(200);
    const page = browser.page;
    lockDatabase();
    for (const action of ['approve', 'deny', 'switch-account', 'sign-in']) {
      browser.page = page;
      const answer = await browser.press(action, { username: 'ada', password: 'x' });
      expectUnavailable(answer);
      expect(answer.heading).toBe('Not available for the moment');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    unlockDatabase();
    browser.page = page;
    const answer = await browser.press('approve');
    expect(answer.status).toBe(303);
    const code = answer.location?.searchParams.get('code') ?? '';
    expect((await bench.token({ request_type: 'code', code })).status).toBe(200);
  });
});

describe('While the storage is gone altogether', () => {
  it('answers 503 to agents and to people, and signs what it signed before when it is back', async () => {
    const auth = await bench.accessRequest();
    const url = bench.pageUrl(await bench.requestToken());
    await bench.stop();
    expectUnavailable(await bench.token(auth));
    expectUnavailable(await bench.send(new Request(url)));
    // What is refused before storage matters is refused as always.
    const unsigned = new Request(`${ISSUER}/agent/token`, { method: 'POST', body: 'x' });
    expect((await bench.send(unsigned)).status).toBe(401);
    await bench.start();
    expect((await bench.token(auth)).status).toBe(200);
    expect((await bench.send(new Request(url))).status).toBe(200);
  });
});

describe('A fault of the server itself', () => {
  it('is a page with status 500 that says nothing of it, and the next request succeeds', async () => {
    const url = bench.pageUrl(await bench.requestToken());
    const broken = await bench.serverWith({
      random: () => {
        throw new Error('/dev/random: no entropy for tok_s3cret');
      },
    });
    const answer = await bench.send(new Request(url), undefined, broken);
    expect(answer.status).toBe(500);
    expect(answer.text).toContain('Something went wrong here');
    expect(answer.text).not.toMatch(/random|entropy|s3cret/u);
    expect(bench.refused.at(-1)?.cause).toBeInstanceOf(Error);
    expect((await bench.send(new Request(url))).status).toBe(200);
  });

  it('is not what a form becomes that breaks off on its way', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('ECONNRESET from 10.1.2.3'));
      },
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const request = new Request(`${ISSUER}/agent/auth`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit);
    const answer = await bench.send(request);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('10.1.2.3');
  });
});
