import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded } from '../../../protocol/test/kit.js';
import { Bench, PASSWORD } from '../endpoints/kit.js';
import { startChromium } from './chromium.js';
import { Served } from './served.js';

/** A folder that pictures of the pages are saved to, for people to look at. */
const SHOTS = process.env['COUNTERSIGN_SHOTS'];
const VARIANTS = [
  ['phone-light', 'light', { width: 390, height: 844 }],
  ['phone-dark', 'dark', { width: 390, height: 844 }],
  ['desk-light', 'light', { width: 1280, height: 900 }],
] as const;

const site = new Served();
/** Another host than the auth server's, so that the two are different sites to the browser. */
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
  agent.handler = (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const start = searchParams.get('start');
    return Promise.resolve(
      pathname === '/callback'
        ? html('<h1>Back at the agent</h1>')
        : html(`<a href="${(start ?? '').replaceAll('&', '&amp;')}">Ask the person</a>`),
    );
  };
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([site.close(), agent.close(), bench?.close()]);
});

function html(body: string): Response {
  const text = `<!doctype html><link rel="icon" href="data:,"><title>Agent</title>${body}`;
  return new Response(text, { headers: { 'content-type': 'text/html' } });
}

/** A tab of a new browser that keeps what it complains about. */
async function withTab(
  options: BrowserContextOptions,
  use: (tab: Tab, complaints: string[]) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const tab = await context.newPage();
    tab.setDefaultTimeout(10_000);
    const complaints: string[] = [];
    tab.on('console', (message) => {
      // Chromium notes every answer of 400 and above: those are checked as answers.
      if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
    await use(tab, complaints);
  } finally {
    await context.close();
  }
}

/** Follows the agent's link, as a person does. */
async function follow(tab: Tab, url: string): Promise<void> {
  await tab.goto(`${agent.origin}/?${new URLSearchParams({ start: url }).toString()}`);
  await tab.getByRole('link').click();
  await tab.waitForURL((at) => at.origin === site.origin);
}

async function signIn(tab: Tab, password = PASSWORD): Promise<void> {
  await tab.getByLabel('Username').fill('ada');
  await tab.getByLabel('Password').fill(password);
  await tab.getByRole('button', { name: 'Sign in' }).click();
}

const press = async (tab: Tab, name: string) => {
  await tab.getByRole('button', { name }).click();
  await tab.waitForURL(`${bench.redirectUri}?*`);
  return Object.fromEntries(new URL(tab.url()).searchParams);
};

/** Gives the tab's browser a session of ada's, without the work of a password. */
async function signedIn(tab: Tab): Promise<void> {
  const { cookies } = await bench.signedIn('ada');
  const all = [...cookies].map(([name, value]) => ({ name, value, url: site.origin }));
  await tab.context().addCookies(all);
}

const heading = (tab: Tab) => tab.getByRole('heading', { level: 1 }).textContent();

describe.each([
  ['with JavaScript', true],
  ['without JavaScript', false],
])('In a browser %s, a person', (_, javaScriptEnabled) => {
  it('comes from the agent, mistypes the password, signs in, approves and is back with a code', async () => {
    await withTab({ javaScriptEnabled }, async (tab, complaints) => {
      await follow(
        tab,
        bench.pageUrl(
          await bench.requestToken({ state: 'a b&c', scope: [`data.${javaScriptEnabled}`] }),
        ),
      );
      expect(await heading(tab)).toBe('Sign in');
      await signIn(tab, 'not it');
      expect(await tab.getByRole('alert').textContent()).toContain('not right');
      expect(await tab.getByLabel('Username').inputValue()).toBe('ada');
      expect(await tab.getByLabel('Password').inputValue()).toBe('');
      await signIn(tab);
      await tab.getByRole('button', { name: 'Approve' }).waitFor();
      const given = await press(tab, 'Approve');
      // The page names no referrer, so Chromium names no origin either: the server must cope with that.
      expect(site.headers.get('POST')).toMatchObject({
        origin: 'null',
        'sec-fetch-site': 'same-origin',
      });
      expect(agent.headers.get('GET')).not.toHaveProperty('referer');
      expect(Object.keys(given)).toEqual(['code', 'state', 'iss']);
      expect(given).toMatchObject({ state: 'a b&c', iss: site.origin });
      expect(await heading(tab)).toBe('Back at the agent');
      expect(complaints).toEqual([]);
      const { json } = await bench.token({ request_type: 'code', code: given['code'] ?? '' });
      expect(decoded(String(json['auth_token'])).payload['sub']).toBe('sub-ada');
    });
  });
});

describe('In a browser, a person', () => {
  it('denies, goes back, and is told that it was answered', async () => {
    await withTab({ javaScriptEnabled: false }, async (tab, complaints) => {
      await signedIn(tab);
      const url = bench.pageUrl(await bench.requestToken({ state: 's1', scope: ['files.delete'] }));
      await follow(tab, url);
      await tab.getByRole('button', { name: 'Deny' }).waitFor();
      expect(await press(tab, 'Deny')).toMatchObject({
        error: 'access_denied',
        state: 's1',
        iss: site.origin,
      });
      await tab.goBack();
      expect(await heading(tab)).toBe('This request was denied');
      expect(complaints).toEqual([]);
    });
  });

  it('approves, goes back, and cannot answer a second time', async () => {
    await withTab({}, async (tab, complaints) => {
      await signedIn(tab);
      await follow(tab, bench.pageUrl(await bench.requestToken({ scope: ['files.read'] })));
      await tab.getByRole('button', { name: 'Approve' }).waitFor();
      await press(tab, 'Approve');
      const codes = bench.count('codes');
      await tab.goBack();
      expect(await heading(tab)).toBe('This request was approved');
      expect(await tab.getByRole('button').count()).toBe(0);
      await tab.reload();
      expect(await heading(tab)).toBe('This request was approved');
      expect(bench.count('codes')).toBe(codes);
      expect(complaints).toEqual([]);
    });
  });

  it('uses another account and comes back to the same question', async () => {
    await withTab({}, async (tab, complaints) => {
      await signedIn(tab);
      const url = bench.pageUrl(await bench.requestToken({ scope: ['photos.read'] }));
      await follow(tab, url);
      await tab.getByRole('button', { name: 'Use another account' }).click();
      await tab.getByLabel('Username').fill('ben');
      await tab.getByLabel('Password').fill(PASSWORD);
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.getByText('Signed in as ben').waitFor();
      expect(tab.url()).toBe(url);
      const { code = '' } = await press(tab, 'Approve');
      const { json } = await bench.token({ request_type: 'code', code });
      expect(decoded(String(json['auth_token'])).payload['sub']).toBe('sub-ben');
      expect(complaints).toEqual([]);
    });
  });

  it('needs nothing but the keyboard', async () => {
    await withTab({}, async (tab, complaints) => {
      // Signing in with the keyboard is tried where the pages are tried on their own.
      await signedIn(tab);
      await tab.goto(bench.pageUrl(await bench.requestToken({ scope: ['mail.read'] })));
      const focused = () => tab.locator(':focus').textContent();
      const stops: (string | null)[] = [];
      for (let stop = 0; stop < 3; stop++) {
        await tab.keyboard.press('Tab');
        stops.push(await focused());
      }
      expect(stops).toEqual(['Approve', 'Deny', 'Use another account']);
      await tab.keyboard.press('Shift+Tab');
      await tab.keyboard.press('Shift+Tab');
      await tab.keyboard.press('Enter');
      await tab.waitForURL(`${bench.redirectUri}?*`);
      expect(new URL(tab.url()).searchParams.has('code')).toBe(true);
      expect(complaints).toEqual([]);
    });
  });

  it('who presses Enter on the question without choosing has not answered it', async () => {
    await withTab({}, async (tab) => {
      await signedIn(tab);
      const url = bench.pageUrl(await bench.requestToken({ scope: ['mail.send'] }));
      await tab.goto(url);
      await tab.getByRole('button', { name: 'Approve' }).waitFor();
      await tab.keyboard.press('Enter');
      await tab.reload();
      expect(await tab.getByRole('button', { name: 'Approve' }).count()).toBe(1);
    });
  });

  it('can read every page on a phone and on a desk, in light and in dark', async () => {
    await withTab({ reducedMotion: 'reduce' }, async (tab, complaints) => {
      const look = async (name: string) => {
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
      };
      const scope = ['data.read', 'data.write', 'new.scope'];
      const url = bench.pageUrl(await bench.requestToken({ scope }));
      await tab.goto(url);
      await look('1-sign-in');
      await signIn(tab, 'not it');
      await tab.getByRole('alert').waitFor();
      await look('2-wrong-password');
      await signIn(tab);
      await tab.getByRole('button', { name: 'Approve' }).waitFor();
      await look('3-consent');
      await press(tab, 'Approve');
      await tab.goto(url);
      await look('4-answered');
      // Coming from another site while signed in: SameSite=Lax lets the cookie through.
      await follow(tab, bench.pageUrl(await bench.requestToken({ scope })));
      expect(await heading(tab)).toMatch(/^Continue to /u);
      await look('5-remembered');
      await press(tab, 'Continue');
      expect(complaints).toEqual([]);
    });
  });
});
