import { join } from 'node:path';
import type { JsonObject } from '@countersign/protocol';
import type { Browser, BrowserContextOptions, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded } from '../../../protocol/test/kit.js';
import { Bench } from '../endpoints/kit.js';
import { startChromium } from './chromium.js';
import { Served } from './served.js';

/** A folder that pictures of the pages are saved to, for people to look at. */
const SHOTS = process.env['COUNTERSIGN_SHOTS'];
const VARIANTS = [
  ['phone-light', 'light', { width: 390, height: 844 }],
  ['phone-dark', 'dark', { width: 390, height: 844 }],
  ['desk-light', 'light', { width: 1280, height: 900 }],
  ['desk-dark', 'dark', { width: 1280, height: 900 }],
] as const;

const site = new Served();
const agent = new Served();
let bench: Bench;
let browser: Browser;

beforeAll(async () => {
  await Promise.all([site.listen(), agent.listen('localhost')]);
  bench = await Bench.open({
    issuer: site.origin,
    agentId: agent.origin,
    redirectUri: `${agent.origin}/callback`,
    server: { insecureLoopback: true },
  });
  site.handler = (request, incoming) =>
    bench.server.handle(request, { incoming, remoteAddress: incoming.socket.remoteAddress });
  agent.handler = () =>
    Promise.resolve(
      new Response('<!doctype html><link rel="icon" href="data:,"><h1>Back</h1>', {
        headers: { 'content-type': 'text/html' },
      }),
    );
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([site.close(), agent.close(), bench?.close()]);
});

const DOCUMENT_URL = 'https://rs.example/aauth/auth-request/payment';

async function ask(document: JsonObject) {
  bench.discovery.publishAt(DOCUMENT_URL, { resource: 'https://rs.example', ...document });
  return await bench.token({
    request_type: 'auth',
    resource_token: await bench.documentToken(DOCUMENT_URL),
    redirect_uri: bench.redirectUri,
  });
}

/** A tab of ada's browser at the question about that document, and what the tab complains about. */
async function withQuestion(
  document: JsonObject,
  use: (tab: Tab, complaints: string[]) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const answer = await ask(document);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  try {
    const { cookies } = await bench.signedIn('ada');
    const all = [...cookies].map(([name, value]) => ({ name, value, url: site.origin }));
    await context.addCookies(all);
    const tab = await context.newPage();
    tab.setDefaultTimeout(10_000);
    const complaints: string[] = [];
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    tab.on('dialog', (dialog) => {
      complaints.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    tab.on('request', (request) => {
      if (!request.url().startsWith(site.origin) && !request.url().startsWith(agent.origin)) {
        complaints.push(`asked ${request.url()}`);
      }
    });
    await tab.goto(bench.pageUrl(String(answer.json['request_token'])));
    await use(tab, complaints);
  } finally {
    await context.close();
  }
}

async function look(tab: Tab, name: string): Promise<void> {
  for (const [variant, colorScheme, viewport] of VARIANTS) {
    await tab.setViewportSize(viewport);
    await tab.emulateMedia({ colorScheme });
    const scrolls = () => document.documentElement.scrollWidth > window.innerWidth;
    expect({ name, variant, scrolls: await tab.evaluate(scrolls) }).toEqual({
      name,
      variant,
      scrolls: false,
    });
    if (SHOTS === undefined) continue;
    await tab.screenshot({ path: join(SHOTS, `${name}-${variant}.png`), fullPage: true });
  }
}

const payment = { type: 'payment', amount: '20.00', currency: 'EUR', to: 'Ada & Sons' };

describe('In a browser, the question about a document', { timeout: 60_000 }, () => {
  it('says why, what exactly and until when, on every screen, and its answer is granted', async () => {
    const document = {
      scope: 'data.write',
      purpose: 'To pay the invoice 2026-117',
      description: 'One payment from your current account, made at once.',
      authorization_details: [payment, { type: 'receipt', send: true, to: ['mail', 'app'] }],
      expires_at: bench.clock() + 900,
    };
    await withQuestion(document, async (tab, complaints) => {
      const text = await tab.locator('main').innerText();
      for (const shown of [
        'Change your data',
        'To pay the invoice 2026-117',
        'One payment from your current account, made at once.',
        '20.00',
        'Ada & Sons',
        'mail, app',
        'Your approval lasts until',
      ]) {
        expect(text).toContain(shown);
      }
      await look(tab, 'document');
      await tab.getByRole('button', { name: 'Approve' }).click();
      await tab.waitForURL(`${bench.redirectUri}?*`);
      const code = new URL(tab.url()).searchParams.get('code') ?? '';
      const { json } = await bench.token({ request_type: 'code', code });
      expect(decoded(String(json['auth_token'])).payload).toMatchObject({
        authorization_details: document.authorization_details,
      });
      expect(complaints).toEqual([]);
    });
  });

  it('that was approved before is one button, with everything it asks', async () => {
    const document = {
      scope: 'data.write',
      purpose: 'To pay the rent of March',
      authorization_details: [payment],
    };
    const given = await ask(document);
    const person = await bench.signedIn('ada');
    await person.open(bench.pageUrl(String(given.json['request_token'])));
    await person.press('approve');
    await withQuestion(document, async (tab, complaints) => {
      expect(await tab.locator('main').innerText()).toContain('To pay the rent of March');
      expect(await tab.getByRole('heading', { level: 1 }).textContent()).toMatch(/^Continue to /u);
      await look(tab, 'document-remembered');
      expect(complaints).toEqual([]);
    });
  });

  it('of details alone names no scope and misses none', async () => {
    await withQuestion({ authorization_details: [payment] }, async (tab) => {
      const text = await tab.locator('main').innerText();
      expect(text).not.toContain('names no scope');
      expect(text).toContain('20.00');
      await look(tab, 'document-details-only');
    });
  });

  it('keeps its own words and its buttons whatever the document says', async () => {
    const bidi = '\u202e\u2066\u200f\u061c';
    const controls = '\u0000\u0007\u001b[2J\u0085\u200b\ufeff';
    const hostile = {
      scope: 'data.write',
      purpose: `${bidi}</bdi></main><script>alert(1)</script><h1>Approved</h1>${'p'.repeat(10_000)}`,
      description: `${controls}\r\n\r\n${'\n'.repeat(5_000)}Z${'\u0300'.repeat(500)} <img src="https://x.example/i.png" onerror="alert(2)">${'﷽'.repeat(2_000)}`,
      authorization_details: [
        {
          type: `payment${bidi}`,
          '</dl><style>*{display:none}</style>': 'x',
          to: `${bidi}Ada${controls}`,
          note: `<a href="https://x.example">${'W'.repeat(60)}</a>`,
        },
      ],
      expires_at: Number.MAX_SAFE_INTEGER,
    };
    await withQuestion(hostile, async (tab, complaints) => {
      const text = await tab.locator('body').innerText();
      const invisible = Array.from(text).filter(
        (one) => /\p{C}/u.test(one) && !'\n\t'.includes(one),
      );
      expect(invisible).toEqual([]);
      expect(await tab.getByRole('heading', { level: 1 }).allTextContents()).toEqual([
        'Allow access to rs.example?',
      ]);
      expect(await tab.locator('img, script, iframe, object').count()).toBe(0);
      expect(await tab.locator('a[href*="x.example"]').count()).toBe(0);
      for (const quote of await tab.locator('blockquote').allTextContents()) {
        expect(Array.from(quote).length).toBeLessThanOrEqual(300);
      }
      for (const name of ['Approve', 'Deny']) {
        expect(await tab.getByRole('button', { name }).isVisible()).toBe(true);
      }
      await look(tab, 'document-hostile');
      expect(complaints).toEqual([]);
    });
  });

  it('is never asked about details of which it could show a part only', async () => {
    const before = bench.count('pending_decisions');
    for (const note of ['x'.repeat(10_000), 'x'.repeat(121)]) {
      const answer = await ask({
        scope: 'data.write',
        authorization_details: [{ ...payment, note }],
      });
      expect([answer.status, answer.json['error']]).toEqual([401, 'invalid_signature']);
    }
    expect(bench.count('pending_decisions')).toBe(before);
  });
});
