import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, createAgent, isInteractionRequired, memoryStore } from '@countersign/agent';
import { encodeBase64Url } from '@countersign/httpsig';
import { memoryReplayStore, systemClock } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { type SqliteInteractionStore, sqliteInteractionStore } from '@countersign/resource/sqlite';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calendarApi } from '../../../examples/calendar-api.js';
import { startChromium } from '../../auth-server/test/browser/chromium.js';
import { Served } from '../../auth-server/test/browser/served.js';
import { makeKeys } from '../../protocol/test/kit.js';

/** A folder that pictures of the pages are saved to, for people to look at. */
const SHOTS = process.env['COUNTERSIGN_SHOTS'];
const CLIENT = { clientId: 'calendar-api', clientSecret: 'a secret of this API alone' };

const [agentSite, api] = [new Served(), new Served()];
let downstream: Server;
let issuer: string;
let provider: Provider;
let browser: Browser;
let store: SqliteInteractionStore;
let folder: string;
const refused: (string | undefined)[] = [];

beforeAll(async () => {
  let answer: RequestListener | undefined;
  downstream = createServer((request, response) => answer?.(request, response));
  await new Promise<void>((resolve) => downstream.listen(0, '127.0.0.1', resolve));
  issuer = `http://localhost:${(downstream.address() as AddressInfo).port}`;
  await Promise.all([agentSite.listen('localhost'), api.listen()]);
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'downstream', alg: 'ES256', use: 'sig' };
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [`${api.origin}/calendar/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [jwk] },
    cookies: { keys: ['of this test'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  const callback = provider.callback();
  answer = (request, response) => void callback(request, response);

  folder = mkdtempSync(join(tmpdir(), 'countersign-visit-'));
  store = sqliteInteractionStore(join(folder, 'interactions.db'));
  const resource = createResource({
    id: api.origin,
    keys: await makeKeys('resource-key-1'),
    authServers: ['https://auth.example'],
    scopes: {},
    replay: memoryReplayStore({ clock: systemClock, nothingBeforeStart: true }),
    insecureLoopback: true,
    onRefused: ({ rule, code }) => refused.push(rule ?? code),
  });
  const app = calendarApi(
    resource,
    {
      authorizationEndpoint: `${issuer}/auth`,
      tokenEndpoint: `${issuer}/token`,
      calendarEndpoint: `${issuer}/me`,
      ...CLIENT,
    },
    { store, sealingKeys: [encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)))] },
  );
  api.handler = async (request, incoming) => await app.fetch(request, { incoming });
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  downstream.closeAllConnections();
  downstream.close();
  await Promise.all([agentSite.close(), api.close()]);
  store.close();
  rmSync(folder, { recursive: true });
});

async function serveAgent(options: Partial<Parameters<typeof createAgent>[0]>): Promise<Agent> {
  const agent = createAgent({
    id: agentSite.origin,
    keys: await agentKeys,
    name: 'Calendar helper',
    insecureLoopback: true,
    interaction: { mode: 'redirect' },
    ...options,
  });
  agentSite.handler = async (request) =>
    (await agent.handle(request)) ?? new Response('at the agent');
  return agent;
}
const agentKeys = makeKeys('key-1');

async function tab(context?: BrowserContext): Promise<Tab> {
  const page = await (context ?? (await browser.newContext())).newPage();
  page.setDefaultTimeout(30_000);
  // The other server's pages ask for a font on the Internet, which would be waited for.
  await page.route(
    ({ hostname }) => hostname !== 'localhost' && hostname !== '127.0.0.1',
    (route) => route.abort(),
  );
  return page;
}

/** What a person does at the other server: signs in, and lets the API in or not. */
async function connect(page: Tab, login: string, decision: 'yes' | 'no' = 'yes'): Promise<void> {
  await page.waitForURL((url) => url.origin === issuer);
  await page.locator('[name=login]').fill(login);
  await page.locator('[name=password]').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  const yes = page.getByRole('button', { name: 'Continue' });
  await yes.waitFor();
  await (decision === 'yes' ? yes : page.getByRole('link', { name: 'Cancel' })).click();
  await page.waitForURL((url) => url.origin === agentSite.origin);
}

/** An agent on the person's machine, which opens a browser and waits. */
async function localAgent(person: (url: string) => Promise<void>): Promise<Agent> {
  return await serveAgent({ interaction: { mode: 'wait', present: ({ url }) => person(url) } });
}

const calendarOf = async (response: Response): Promise<string> => {
  const { sub } = (await response.json()) as { sub: string };
  return sub;
};

describe(
  'With a real OAuth server behind the resource and a real browser',
  { timeout: 90_000 },
  () => {
    it('a person connects their calendar, and their agent reads it, then and later', async () => {
      const page = await tab();
      const complaints: string[] = [];
      page.on('console', (message) => {
        // The other server's own pages are its own affair.
        if (page.url().startsWith(api.origin)) complaints.push(message.text());
      });
      let visits = 0;
      const agent = await localAgent(async (url) => {
        visits += 1;
        await page.goto(url);
        expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
          'Let an agent use your calendar at Example Cloud?',
        );
        expect(await page.locator('.identifier').textContent()).toBe(agentSite.origin);
        await look(page, 'visit');
        await page.getByRole('button', { name: 'Continue' }).click();
        await connect(page, 'ann');
      });
      const response = await agent.fetch(`${api.origin}/calendar`);
      expect(await calendarOf(response)).toBe('ann');
      expect(api.headers.get('POST')).toMatchObject({
        origin: 'null',
        'sec-fetch-site': 'same-origin',
      });
      expect(agentSite.headers.get('GET')).not.toHaveProperty('referer');
      expect(await calendarOf(await agent.fetch(`${api.origin}/calendar`))).toBe('ann');
      expect(visits).toBe(1);
      expect(complaints).toEqual([]);
    });

    it('a person who cancels, or says no at the other server, has shared nothing', async () => {
      const agent = await localAgent(async (url) => {
        const page = await tab();
        await page.goto(url);
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.waitForURL((at) => at.origin === agentSite.origin);
      });
      const denied = { code: 'interaction_denied' };
      await expect(agent.fetch(`${api.origin}/calendar`)).rejects.toMatchObject(denied);
      const other = await localAgent(async (url) => {
        const page = await tab();
        await page.goto(url);
        await page.getByRole('button', { name: 'Continue' }).click();
        await connect(page, 'ann', 'no');
      });
      await expect(other.fetch(`${api.origin}/calendar`)).rejects.toMatchObject(denied);
    });

    it('two people of one web application have a calendar each, and a link sent to the other gives neither', async () => {
      const agent = await serveAgent({ store: memoryStore() });
      const [ann, bob] = [await browser.newContext(), await browser.newContext()];
      const read = (person: string) => agent.for(person).fetch(`${api.origin}/calendar`);
      /** The application sends the browser: with the cookie that binds the flow to it. */
      const start = async (person: string, context: BrowserContext): Promise<string> => {
        const error: unknown = await read(person).catch((reason: unknown) => reason);
        if (!isInteractionRequired(error)) throw error;
        const sent = error.interaction.response();
        const [, name = '', value = ''] =
          /^([^=]+)=([^;]*)/.exec(sent.headers.get('set-cookie') ?? '') ?? [];
        await context.addCookies([{ name, value, url: agentSite.origin }]);
        return error.interaction.url;
      };

      const victim = await tab(bob);
      await victim.goto(await start('ann', ann));
      await victim.getByRole('button', { name: 'Continue' }).click();
      await connect(victim, 'bob');
      expect(await victim.textContent('body')).not.toContain('code');
      // The agent did not take what came in another browser: ann is asked as before.
      expect(isInteractionRequired(await read('ann').catch((reason: unknown) => reason))).toBe(
        true,
      );

      for (const [person, context] of [
        ['ann', ann],
        ['bob', bob],
      ] as const) {
        const page = await tab(context);
        await page.goto(await start(person, context));
        await page.getByRole('button', { name: 'Continue' }).click();
        if (person === 'bob') {
          // Signed in there already: only the consent is asked for.
          await page.waitForURL((url) => url.origin === issuer);
          await page.getByRole('button', { name: 'Continue' }).click();
          await page.waitForURL((url) => url.origin === agentSite.origin);
        } else await connect(page, person);
      }
      expect(await calendarOf(await read('ann'))).toBe('ann');
      expect(await calendarOf(await read('bob'))).toBe('bob');
      expect(await calendarOf(await read('ann'))).toBe('ann');
      expect(isInteractionRequired(await read('eve').catch((reason: unknown) => reason))).toBe(
        true,
      );
    });

    it('a token that the other server took back is renewed, and when that fails the person is asked anew', async () => {
      let visits = 0;
      const context = await browser.newContext();
      const agent = await localAgent(async (url) => {
        visits += 1;
        const page = await tab(context);
        await page.goto(url);
        await page.getByRole('button', { name: 'Continue' }).click();
        if (visits === 1) await connect(page, 'cid');
        else {
          await page.getByRole('button', { name: 'Continue' }).click();
          await page.waitForURL((at) => at.origin === agentSite.origin);
        }
      });
      const accessTokens: string[] = [];
      const refreshTokens: string[] = [];
      provider.on('access_token.saved', ({ jti }) => accessTokens.push(jti));
      provider.on('refresh_token.saved', ({ jti }) => refreshTokens.push(jti));
      const read = async () => await calendarOf(await agent.fetch(`${api.origin}/calendar`));
      expect(await read()).toBe('cid');
      const revoke = async () =>
        await (await provider.AccessToken.find(accessTokens.at(-1) ?? ''))?.destroy();
      await revoke();
      expect(await read()).toBe('cid');
      expect({ visits, accessTokens: accessTokens.length }).toEqual({ visits: 1, accessTokens: 2 });
      await revoke();
      await (await provider.RefreshToken.find(refreshTokens.at(-1) ?? ''))?.destroy();
      expect(await read()).toBe('cid');
      expect(visits).toBe(2);
    });
  },
);

async function look(page: Tab, name: string): Promise<void> {
  for (const [variant, colorScheme, width] of [
    ['phone-light', 'light', 390],
    ['phone-dark', 'dark', 390],
    ['desk-light', 'light', 1280],
    ['desk-dark', 'dark', 1280],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    const scrolls = await page.evaluate(
      () => document.documentElement.scrollWidth > window.innerWidth,
    );
    expect({ variant, scrolls }).toEqual({ variant, scrolls: false });
    if (SHOTS === undefined) continue;
    await page.screenshot({ path: join(SHOTS, `${name}-${variant}.png`), fullPage: true });
  }
}
