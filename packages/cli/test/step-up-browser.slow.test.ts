import type { Interaction } from '@countersign/agent';
import { aauth, type AccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium } from '../../auth-server/test/browser/chromium.js';
import { DEMO_PERSON, type Stage } from '../src/demo/stage.js';
import { onStage, requestsTo } from './support/stage.js';

const SCOPES = { 'notes.read': 'Read your notes', 'notes.write': 'Change your notes' };

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
});

/** What the consent page says of scopes: for each heading the sentences below it; one group without a heading at first. */
async function groups(tab: Tab): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  const sections = tab.locator('.group');
  if ((await sections.count()) === 0) {
    found[''] = await tab.locator('.items blockquote').allInnerTexts();
  }
  for (const group of await sections.all()) {
    const heading = await group.locator('h3').innerText();
    found[heading] = await group.locator('blockquote').allInnerTexts();
  }
  return found;
}

interface Shown {
  readonly tab: Tab;
  /** What each consent page said, in order. */
  readonly pages: Record<string, string[]>[];
  readonly written: string[];
  readonly call: (method: string) => Promise<Response>;
}

/** An API whose methods ask for more and more, and a person who sits before Chromium. */
async function notesApi(stage: Stage, answer: () => 'Approve' | 'Deny'): Promise<Shown> {
  const [agentSeat, resourceSeat, authServerSeat] = [
    await stage.seat('Agent'),
    await stage.seat('Resource'),
    await stage.seat('Auth server'),
  ];
  const context = await browser.newContext();
  stage.atEnd(() => context.close());
  const tab = await context.newPage();
  tab.setDefaultTimeout(15_000);
  const pages: Record<string, string[]>[] = [];
  const interaction: Interaction = {
    mode: 'wait',
    present: async ({ url }) => {
      await tab.goto(url);
      if ((await tab.getByLabel('Password').count()) > 0) {
        await tab.getByLabel('Username').fill(DEMO_PERSON.username);
        await tab.getByLabel('Password').fill(DEMO_PERSON.password);
        await tab.getByRole('button', { name: 'Sign in' }).click();
      }
      const button = tab.getByRole('button', { name: answer() });
      await button.waitFor();
      pages.push(await groups(tab));
      await button.click();
      await tab.waitForURL(`${agentSeat.id}/callback?*`);
    },
  };
  const { agent } = await stage.agent({ seat: agentSeat, interaction });
  const written: string[] = [];
  await stage.resource([authServerSeat.id], { seat: resourceSeat, scopes: SCOPES }, (resource) => {
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use(resourceRoutes(resource));
    app.get('/notes', aauth(resource, { scopes: ['notes.read'] }), (c) => c.text('notes'));
    app.put('/notes', aauth(resource, { scopes: ['notes.read', 'notes.write'] }), (c) => {
      written.push('a note');
      return c.text('written');
    });
    return app as unknown as Hono;
  });
  await stage.authServer({ seat: authServerSeat });
  return {
    tab,
    pages,
    written,
    call: (method) => agent.fetch(`${resourceSeat.id}/notes`, { method }),
  };
}

describe('in Chromium, a person who is asked for more', () => {
  it('sees what is new beside what they have approved; the wider token then serves both', async () => {
    await onStage(async (stage) => {
      const { call, pages, tab } = await notesApi(stage, () => 'Approve');
      expect(await (await call('GET')).text()).toBe('notes');
      expect(await (await call('PUT')).text()).toBe('written');
      expect(pages).toEqual([
        { '': ['Read your notes'] },
        { New: ['Change your notes'], 'Already approved by you': ['Read your notes'] },
      ]);
      expect(await tab.getByRole('heading', { level: 1 }).innerText()).not.toBe('');
      const before = requestsTo(stage, 'Resource').length;
      for (const method of ['GET', 'PUT', 'GET']) expect((await call(method)).status).toBe(200);
      expect(requestsTo(stage, 'Resource').slice(before)).toEqual([
        'GET /notes — auth token',
        'PUT /notes — auth token',
        'GET /notes — auth token',
      ]);
      expect(pages.length).toBe(2);
    });
  }, 60_000);

  it('denies, and keeps what was approved: nothing is written, and reading is not asked for again', async () => {
    await onStage(async (stage) => {
      let answer: 'Approve' | 'Deny' = 'Approve';
      const { call, pages, written } = await notesApi(stage, () => answer);
      expect((await call('GET')).status).toBe(200);
      answer = 'Deny';
      await expect(call('PUT')).rejects.toMatchObject({
        code: 'interaction_denied',
        refusedBy: 'person',
        retry: 'ask-person-again',
      });
      expect(written).toEqual([]);
      expect((await call('GET')).status).toBe(200);
      expect(pages.length).toBe(2);
    });
  }, 60_000);
});
