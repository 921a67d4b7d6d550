import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentPage, messagePage, type Page, signInPage } from '../../src/pages/index.js';
import { startChromium } from '../browser/chromium.js';
import { access, agent, form, samplePages } from './sample-pages.js';

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** A server on loopback that remembers what it was asked. */
class Site {
  readonly asked: { method: string; url: string; body: URLSearchParams }[] = [];
  origin = '';
  readonly #server: Server;

  constructor(answer: Answer) {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { method = '', url = '' } = request;
        this.asked.push({ method, url, body: new URLSearchParams(body) });
        answer(request, body, response);
      });
    });
  }

  async listen(host: string): Promise<boolean> {
    const listening = await new Promise<boolean>((resolve) => {
      this.#server.once('error', () => resolve(false));
      this.#server.listen(0, host, () => resolve(true));
    });
    if (!listening) return false;
    const { port, family } = this.#server.address() as AddressInfo;
    this.origin = `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
    return true;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('the pages in a browser without JavaScript', () => {
  const pages: Record<string, Page> = { ...samplePages };
  let answerTo = '';
  const server = new Site((request, _body, response) => {
    if (request.method === 'POST') {
      response.writeHead(303, { location: answerTo }).end();
      return;
    }
    const page = pages[(request.url ?? '').slice(1)] ?? messagePage({ kind: 'not-found' });
    response.writeHead(page.status, page.headers).end(page.html);
  });
  const callback = new Site((_request, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('back at the agent');
  });
  const callback6 = new Site((_request, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('back at the agent');
  });
  let browser: Browser;

  beforeAll(async () => {
    await server.listen('127.0.0.1');
    await callback.listen('127.0.0.1');
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([server.close(), callback.close(), callback6.close()]);
  });

  /** A tab that notes what it complains about and what it asks the network for. */
  async function withTab(
    options: { width?: number },
    use: (tab: Tab, complaints: string[], requests: string[]) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: options.width ?? 320, height: 640 },
    });
    try {
      const tab = await context.newPage();
      const complaints: string[] = [];
      const requests: string[] = [];
      tab.on('console', (message) => complaints.push(message.text()));
      tab.on('request', (request) => requests.push(request.url()));
      tab.setDefaultTimeout(5000);
      await use(tab, complaints, requests);
    } finally {
      await context.close();
    }
  }

  it('keep to their policy, ask for nothing, fit 320 pixels and can be read in light and dark', async () => {
    await withTab({}, async (tab, complaints, requests) => {
      for (const [name, page] of Object.entries(samplePages)) {
        complaints.length = 0;
        requests.length = 0;
        await tab.goto(`${server.origin}/${name}`);
        for (const [colorScheme, background] of [
          ['light', 'rgb(243, 241, 236)'],
          ['dark', 'rgb(16, 20, 21)'],
        ] as const) {
          await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          const { texts, ...look } = await tab.evaluate(lookAt);
          expect({ name, ...look }).toEqual({
            name,
            background,
            scrolls: false,
            faint: [],
            small: [],
          });
          expect(texts).toBeGreaterThan(2);
        }
        const asked = requests.filter((url) => !url.startsWith('data:'));
        expect({ name, asked }).toEqual({ name, asked: [`${server.origin}/${name}`] });
        const own = complaints.filter((text) => !text.includes(`status of ${page.status}`));
        expect({ name, own }).toEqual({ name, own: [] });
      }
    });
  });

  it('offer approve and deny at the same size, one beside or below the other', async () => {
    pages['consent-here'] = consentPage(access);
    for (const width of [320, 1280]) {
      await withTab({ width }, async (tab) => {
        await tab.goto(`${server.origin}/consent-here`);
        const approve = await tab.getByRole('button', { name: 'Approve' }).boundingBox();
        const deny = await tab.getByRole('button', { name: 'Deny' }).boundingBox();
        expect(deny?.width).toBeCloseTo(approve?.width ?? 0, 0);
        expect(deny?.height).toBeCloseTo(approve?.height ?? 0, 0);
        expect(approve?.height).toBeGreaterThanOrEqual(44);
      });
    }
  });

  it('send a signed-in person on with the keyboard alone', async () => {
    pages['sign-in-here'] = signInPage({ agent, resource: access.resource, form });
    answerTo = `${server.origin}/consent`;
    await withTab({}, async (tab) => {
      await tab.goto(`${server.origin}/sign-in-here`);
      await expect.poll(() => tab.locator('#username:focus').count()).toBe(1);
      await tab.keyboard.type('ada');
      await tab.keyboard.press('Tab');
      await tab.keyboard.type('enchantress');
      await tab.keyboard.press('Enter');
      await tab.waitForURL(answerTo);
    });
    const posted = server.asked.findLast(({ method }) => method === 'POST');
    expect(posted?.url).toBe('/agent/auth');
    expect(Object.fromEntries(posted?.body ?? [])).toEqual({
      csrf: form.csrf,
      request_token: form.requestToken,
      redirect_uri: form.redirectUri,
      state: form.state,
      username: 'ada',
      password: 'enchantress',
      action: 'sign-in',
    });
  });

  it.each(['Approve', 'Deny'])(
    'let the answer lead back to the agent’s origin: %s',
    async (name) => {
      const redirectUri = `${callback.origin}/callback`;
      pages['consent-back'] = consentPage({ ...access, form: { ...form, redirectUri } });
      answerTo = `${redirectUri}?answer=${name}`;
      await withTab({}, async (tab, complaints) => {
        await tab.goto(`${server.origin}/consent-back`);
        await tab.getByRole('button', { name }).click();
        await tab.waitForURL(answerTo);
        expect(await tab.textContent('body')).toBe('back at the agent');
        expect(complaints).toEqual([]);
      });
      expect(server.asked.at(-1)?.body.get('action')).toBe(name.toLowerCase());
    },
  );

  it('let the answer lead nowhere else', async () => {
    pages['consent-elsewhere'] = consentPage(access);
    answerTo = `${callback.origin}/elsewhere`;
    await withTab({}, async (tab, complaints) => {
      await tab.goto(`${server.origin}/consent-elsewhere`);
      await tab.getByRole('button', { name: 'Approve' }).click();
      await expect.poll(() => complaints.join()).toContain('form-action');
      expect(tab.url()).toBe(`${server.origin}/consent-elsewhere`);
    });
    expect(callback.asked.map(({ url }) => url)).not.toContain('/elsewhere');
  });

  it('let the answer lead back to an agent on IPv6 loopback', async () => {
    if (!(await callback6.listen('::1'))) {
      // A machine without IPv6: what the browser is told is all that can be seen.
      const { headers } = consentPage({
        ...access,
        form: { ...form, redirectUri: 'http://[::1]:8001/callback' },
      });
      expect(headers['content-security-policy']).toContain("form-action 'self' http:");
      return;
    }
    const redirectUri = `${callback6.origin}/callback`;
    pages['consent-six'] = consentPage({ ...access, form: { ...form, redirectUri } });
    answerTo = redirectUri;
    await withTab({}, async (tab) => {
      await tab.goto(`${server.origin}/consent-six`);
      await tab.getByRole('button', { name: 'Approve' }).click();
      await tab.waitForURL(answerTo);
    });
  });

  it('read well to somebody who hears them', async () => {
    await withTab({}, async (tab) => {
      await tab.goto(`${server.origin}/consent`);
      const tree = await tab.locator('body').ariaSnapshot();
      expect(tree).toContain('- main:');
      expect(tree).toContain('heading "Allow access to files.example?" [level=1]');
      for (const part of ['Who asks', 'Where', 'What for', 'What happens next']) {
        expect(tree).toContain(`region "${part}":`);
      }
      expect(tree).toContain('figure "files.example says:"');
      await tab.goto(`${server.origin}/sign-in-wrong`);
      const signIn = await tab.locator('body').ariaSnapshot();
      expect(signIn).toContain('- alert: The username or the password is not right.');
      expect(signIn).toContain('textbox "Username"');
      expect(signIn).toContain('textbox "Password"');
    });
  });
});

/** Runs in the page: whether it scrolls sideways, which texts are too faint (WCAG AA), which controls too small. */
function lookAt() {
  const channels = (color: string): number[] => (color.match(/[\d.]+/gu) ?? []).map(Number);
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): string => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint: string[] = [];
  let texts = 0;
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
    );
    if (!own) continue;
    texts += 1;
    const [light = 0, dark = 0] = [getComputedStyle(element).color, behind(element)]
      .map(luminance)
      .toSorted((one, other) => other - one);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent ?? ''}: ${ratio.toFixed(2)}`);
  }
  const small = [...document.querySelectorAll('button, input:not([type=hidden])')]
    .filter((control) => control.getBoundingClientRect().height < 40)
    .map((control) => control.textContent ?? '');
  return {
    scrolls: document.documentElement.scrollWidth > window.innerWidth,
    background: getComputedStyle(document.body).backgroundColor,
    faint,
    small,
    texts,
  };
}
