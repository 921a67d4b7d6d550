import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryStore, type SignedInPerson } from '@countersign/agent';
import {
  alwaysAskPerson,
  createAccount,
  createAuthServer,
  openStorage,
  type Storage,
} from '@countersign/auth-server';
import { memoryReplayStore, systemClock } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type SessionStore, sessionStore } from '../../../examples/sign-in-sessions.js';
import { signInWebApp } from '../../../examples/sign-in-web-app.js';
import { type FetchHandler, fetchListener } from '../src/http/fetch-listener.js';
import { type Listening, listen } from '../src/http/listen.js';
import { temporaryKeys } from '../src/keys-file.js';
import { folder } from './support/program.js';
import { freePort } from './support/servers.js';

const PASSWORD = 'correct horse battery';
/** A folder that pictures of the pages are saved to, for people to look at. */
const SHOTS = process.env['COUNTERSIGN_SHOTS'];

// Browsers on a busy machine are slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let app: Hono;
let appUrl: string;
let authServerUrl: string;
let sessions: SessionStore;
let storage: Storage;
let browser: Browser;
const listening: Listening[] = [];
/** The `request_type` of every request to the auth server's token endpoint. */
const tokenRequests: string[] = [];
/** The addresses of callbacks that are held back from the application; `undefined` lets them through. */
let heldBack: string[] | undefined;

async function serve(port: number, handler: FetchHandler): Promise<void> {
  listening.push(await listen(fetchListener(handler), { host: '127.0.0.1', port }));
}

beforeAll(async () => {
  const [appPort, apiPort, authPort] = [await freePort(), await freePort(), await freePort()];
  // Another host than the auth server's, so that the two are different sites to the browser.
  appUrl = `http://localhost:${appPort}`;
  authServerUrl = `http://127.0.0.1:${authPort}`;
  const apiUrl = `http://127.0.0.1:${apiPort}`;

  storage = await openStorage(`sqlite:${join(folder, 'auth-server.db')}`);
  for (const [username, name, emailVerified] of [
    ['ada', 'Ada <Lovelace>', true],
    ['ben', 'Ben', false],
    ['cy', 'Cy', false],
  ] as const) {
    const email = `${username}@mail.example`;
    const more = { name, email, emailVerified, now: 1, password: PASSWORD };
    const id = `user-${username}`;
    await createAccount(storage, { id, subject: `sub-${username}`, username, ...more });
  }
  const authServer = await createAuthServer({
    issuer: authServerUrl,
    storage,
    policy: alwaysAskPerson,
    insecureLoopback: true,
  });
  await serve(authPort, async (request, incoming) => {
    if (new URL(request.url).pathname === '/agent/token') {
      const form = new URLSearchParams(await request.clone().text());
      tokenRequests.push(form.get('request_type') ?? '');
    }
    return await authServer.handle(request, {
      incoming,
      remoteAddress: incoming.socket.remoteAddress,
    });
  });

  const resource = createResource({
    id: apiUrl,
    keys: await temporaryKeys('api-key'),
    authServers: [authServerUrl],
    scopes: { 'notes.read': 'Read your notes' },
    replay: memoryReplayStore({ clock: systemClock }),
    insecureLoopback: true,
  });
  const api = new Hono();
  api.use(resourceRoutes(resource));
  api.get('/notes', aauth(resource, { scopes: ['notes.read'] }), (c) => {
    const access = c.get('access');
    return c.text(`Notes of ${access.level === 'authorization' ? access.subject : 'nobody'} <b>`);
  });
  await serve(apiPort, async (request, incoming) => await api.fetch(request, { incoming }));

  sessions = sessionStore(join(folder, 'sessions.db'));
  app = signInWebApp({
    url: appUrl,
    authServer: authServerUrl,
    dataUrl: `${apiUrl}/notes`,
    keys: await temporaryKeys('app-key'),
    insecureLoopback: true,
    sessions,
    store: memoryStore(),
  });
  await serve(appPort, async (request) => {
    if (heldBack !== undefined && new URL(request.url).pathname === '/callback') {
      heldBack.push(request.url);
      return new Response('Try again later', { status: 503 });
    }
    return await app.fetch(request);
  });
  browser = await chromium.launch({
    executablePath: process.env['COUNTERSIGN_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(listening.map((one) => one.close()));
  sessions?.close();
  await storage?.close();
});

/** A browser of somebody, with what it complains about. */
async function withTab(
  use: (tab: Page, context: BrowserContext, complaints: string[]) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    tab.setDefaultTimeout(30_000);
    const complaints: string[] = [];
    tab.on('console', (message) => {
      // Chromium notes every answer of 400 and above: those are checked as answers.
      if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
    await use(tab, context, complaints);
  } finally {
    await context.close();
  }
}

const heading = (tab: Page) => tab.getByRole('heading', { level: 1 }).textContent();
const press = (tab: Page, name: string) => tab.getByRole('button', { name }).click();

/** The auth server's cookies of people who have given their password once: the tests need not do it again. */
const known = new Map<string, Awaited<ReturnType<BrowserContext['cookies']>>>();

/** From the application's button to the question whether to sign in. */
async function toQuestion(tab: Page, username = 'ada'): Promise<void> {
  await tab.context().addCookies(known.get(username) ?? []);
  await press(tab, 'Sign in');
  await tab.waitForURL((at) => at.origin === authServerUrl);
  if (!known.has(username)) {
    await tab.getByLabel('Username').fill(username);
    await tab.getByLabel('Password').fill(PASSWORD);
    await press(tab, 'Sign in');
  }
  await tab.getByRole('button', { name: /Approve|Continue/ }).waitFor();
  known.set(username, await tab.context().cookies(authServerUrl));
}

async function decide(tab: Page, name: string | RegExp = /Approve|Continue/): Promise<void> {
  await tab.getByRole('button', { name }).click();
  await tab.waitForURL((at) => at.origin === appUrl);
}

async function signIn(tab: Page, username?: string): Promise<void> {
  await tab.goto(appUrl);
  await toQuestion(tab, username);
  await decide(tab);
}

const sessionCookie = async (context: BrowserContext) =>
  (await context.cookies(appUrl)).find(({ name }) => name.startsWith('session-'));

describe('a web application that signs people in', () => {
  it('shows who it is, and forgets them when they sign out', async () => {
    await withTab(async (tab, context, complaints) => {
      await tab.goto(appUrl);
      expect(await heading(tab)).toBe('Notebook');
      await toQuestion(tab);
      const question = await tab.locator('main').innerText();
      expect(question).toContain('Ada <Lovelace>');
      expect(question).toContain('ada@mail.example');
      await decide(tab);
      expect(tab.url()).toBe(`${appUrl}/`);
      expect(await heading(tab)).toBe('Signed in as Ada <Lovelace>');
      expect(await tab.locator('main').innerText()).toContain('ada@mail.example');
      const cookie = await sessionCookie(context);
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
      // The cookie of the flow has done its work.
      expect((await context.cookies(appUrl)).map(({ name }) => name)).toEqual([cookie?.name]);
      expect(await sessions.find(cookie!.value)).toMatchObject({
        issuer: authServerUrl,
        subject: 'sub-ada',
        personKey: expect.stringMatching(/^[\w-]{43}$/),
      });
      const files = readdirSync(folder).filter((file) => file.startsWith('sessions.db'));
      expect(files).toContain('sessions.db');
      for (const file of files) {
        expect(readFileSync(join(folder, file)).includes(cookie!.value), file).toBe(false);
      }
      await press(tab, 'Sign out');
      await tab.getByRole('heading', { name: 'Notebook' }).waitFor();
      expect(await sessionCookie(context)).toBeUndefined();
      // Whoever kept the cookie has nothing.
      await context.addCookies([cookie!]);
      await tab.goto(appUrl);
      expect(await heading(tab)).toBe('Notebook');
      expect(complaints).toEqual([]);
    });
  });

  it('does not show an address that the auth server has not confirmed', async () => {
    await withTab(async (tab) => {
      await signIn(tab, 'ben');
      expect(await heading(tab)).toBe('Signed in as Ben');
      expect(await tab.locator('main').innerText()).not.toContain('mail.example');
    });
  });

  it('goes on to where the person wanted to go, and acts for them there', async () => {
    await withTab(async (tab, _context, complaints) => {
      await tab.goto(`${appUrl}/data`);
      expect(await heading(tab)).toBe('Notebook');
      await toQuestion(tab);
      await press(tab, 'Continue');
      // Signed in, and asked at once for the data.
      await tab.getByText('notes.read').waitFor();
      await decide(tab, 'Approve');
      expect(tab.url()).toBe(`${appUrl}/data`);
      expect(await tab.locator('pre').innerText()).toBe('Notes of sub-ada <b>');
      await tab.reload();
      expect(await heading(tab)).toBe('Your data');
      expect(complaints).toEqual([]);
    });
    // What was granted for one person opens nothing for another.
    await withTab(async (tab) => {
      await signIn(tab, 'ben');
      await tab.getByRole('link', { name: 'Your data' }).click();
      await tab.getByText('notes.read').waitFor();
      expect(new URL(tab.url()).origin).toBe(authServerUrl);
    });
  });

  it('says so when the person denies, and nobody is signed in', async () => {
    await withTab(async (tab, context) => {
      await tab.goto(appUrl);
      await toQuestion(tab, 'cy');
      const asked = tokenRequests.length;
      await decide(tab, 'Deny');
      expect(await tab.getByRole('alert').innerText()).toContain('denied');
      expect(await sessionCookie(context)).toBeUndefined();
      expect(tokenRequests.length).toBe(asked);
    });
  });
});

describe('a callback that is opened in another browser', () => {
  it('is refused there, spends nothing, and the first browser still finishes', async () => {
    await withTab(async (tab) => {
      await tab.goto(appUrl);
      await toQuestion(tab);
      heldBack = [];
      await decide(tab);
      const [address = ''] = heldBack;
      heldBack = undefined;
      expect(new URL(address).searchParams.has('code')).toBe(true);
      const asked = tokenRequests.length;

      await withTab(async (other, otherContext) => {
        // It is no stranger to the application: a sign-in of its own is under way.
        await other.goto(appUrl);
        await press(other, 'Sign in');
        await other.waitForURL((at) => at.origin === authServerUrl);
        expect(tokenRequests.splice(asked)).toEqual(['auth']);
        const answer = await other.goto(address);
        expect(answer?.status()).toBe(400);
        expect(await heading(other)).toBe('This answer cannot be used');
        expect(await sessionCookie(otherContext)).toBeUndefined();
        await other.goto(appUrl);
        expect(await heading(other)).toBe('Notebook');
      });
      expect(tokenRequests.length).toBe(asked);

      await tab.goto(address);
      expect(await heading(tab)).toBe('Signed in as Ada <Lovelace>');
      expect(tokenRequests.slice(asked)).toEqual(['code']);
      // And once only.
      expect((await tab.goto(address))?.status()).toBe(400);
      expect(tokenRequests.slice(asked)).toEqual(['code']);
    });
  });
});

describe('the session', () => {
  it('is a new one at every sign-in: what the browser was called before stays worthless', async () => {
    await withTab(async (tab, context) => {
      await tab.goto(appUrl);
      const name = `session-${new URL(appUrl).port}`;
      const planted = 'p'.repeat(43);
      await context.addCookies([{ name, value: planted, url: appUrl }]);
      await signIn(tab);
      const first = (await sessionCookie(context))!.value;
      expect(first).not.toBe(planted);
      expect(await sessions.find(planted)).toBeUndefined();
      // Signing in once more without signing out.
      await tab.evaluate(() => {
        const form = Object.assign(document.createElement('form'), { method: 'post' });
        form.action = '/sign-in';
        document.body.append(form);
        form.submit();
      });
      await tab.waitForURL((at) => at.origin === authServerUrl);
      await decide(tab);
      const second = (await sessionCookie(context))!.value;
      expect(second).not.toBe(first);
      expect(await sessions.find(first)).toBeUndefined();
      expect(await sessions.find(second)).toBeDefined();
    });
  });

  it('is neither ended nor begun by a form of another site', async () => {
    const person = { key: 'k', issuer: authServerUrl, subject: 's', claims: {}, expiresAt: 0 };
    const value = await sessions.start(person as unknown as SignedInPerson);
    const asked = tokenRequests.length;
    const post = (path: string, headers: Record<string, string>) =>
      app.request(`${appUrl}${path}`, {
        method: 'POST',
        headers: {
          cookie: `session-${new URL(appUrl).port}=${value}`,
          'content-type': 'application/x-www-form-urlencoded',
          ...headers,
        },
      });
    for (const path of ['/sign-out', '/sign-in']) {
      for (const headers of [
        { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
        { origin: 'null' },
        {},
      ]) {
        expect((await post(path, headers)).status, path).toBe(403);
      }
    }
    expect((await app.request(`${appUrl}/sign-out`)).status).toBe(404);
    expect(tokenRequests.length).toBe(asked);
    expect(await sessions.find(value)).toBeDefined();
    expect((await post('/sign-out', { origin: appUrl })).status).toBe(303);
    expect(await sessions.find(value)).toBeUndefined();
    expect((await post('/sign-in', { origin: appUrl })).status).toBe(303);
    expect(tokenRequests.slice(asked)).toEqual(['auth']);
  });

  it('leads to no page but the application’s own', async () => {
    const to = 'https://evil.example/';
    for (const other of [to, '//evil.example', '/callback', '/sign-out']) {
      const page = await app.request(`${appUrl}/?to=${encodeURIComponent(other)}`);
      expect(await page.text()).toMatch(/name="to" value="\/"/);
    }
    await withTab(async (tab) => {
      await tab.goto(appUrl);
      await tab.locator('input[name=to]').evaluate((input, value) => {
        (input as HTMLInputElement).value = value;
      }, to);
      await toQuestion(tab);
      await decide(tab);
      expect(tab.url()).toBe(`${appUrl}/`);
      expect(await heading(tab)).toMatch(/^Signed in as/);
    });
  });
});

describe('every page', () => {
  it('can be read on a phone and on a desk, in light and in dark', async () => {
    await withTab(async (tab, _context, complaints) => {
      const look = async (name: string) => {
        for (const [variant, colorScheme, width] of [
          ['phone-light', 'light', 360],
          ['phone-dark', 'dark', 360],
          ['desk-light', 'light', 1280],
          ['desk-dark', 'dark', 1280],
        ] as const) {
          await tab.setViewportSize({ width, height: 800 });
          await tab.emulateMedia({ colorScheme });
          const scrolls = await tab.evaluate(
            () => document.documentElement.scrollWidth > window.innerWidth,
          );
          expect({ name, variant, scrolls }).toEqual({ name, variant, scrolls: false });
          if (SHOTS === undefined) continue;
          await tab.screenshot({ path: join(SHOTS, `${name}-${variant}.png`), fullPage: true });
        }
      };
      await tab.goto(`${appUrl}/?notice=denied`);
      await look('1-signed-out');
      await toQuestion(tab);
      await look('2-question');
      await decide(tab);
      await look('3-signed-in');
      await tab.goto(`${appUrl}/data`);
      await look('4-data');
      await tab.goto(`${appUrl}/nowhere`);
      await look('5-not-found');
      await tab.goto(`${appUrl}/callback?code=x&state=y`);
      await look('6-refused');
      expect(complaints).toEqual([]);
    });
  });
});
