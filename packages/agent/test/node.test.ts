import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type InteractionRequest } from '../src/index.js';
import { listenForCallback, openBrowser, printUrl } from '../src/node/index.js';
import { AGENT, API, AUTH, identifier, World } from './world.js';

const asked = (signal = new AbortController().signal): InteractionRequest => ({
  url: `${AUTH}/agent/auth?request_token=r`,
  authServer: AUTH,
  resource: API,
  scope: [],
  agent: AGENT,
  expiresAt: 0,
  signal,
});

describe('printUrl', () => {
  it('prints the URL alone on a line', async () => {
    let text = '';
    await printUrl({ write: (more) => (text += more) }).present(asked());
    expect(text).toBe(`Open this URL to approve:\n${AUTH}/agent/auth?request_token=r\n`);
  });
});

describe('openBrowser', () => {
  const recorded = () => {
    const shown: string[] = [];
    return {
      shown,
      fallback: {
        mode: 'wait' as const,
        present: (one: InteractionRequest) => void shown.push(one.url),
      },
    };
  };

  it('falls back when the browser cannot be started', async () => {
    const { shown, fallback } = recorded();
    await openBrowser({ fallback, open: () => Promise.reject(new Error('none')) }).present(asked());
    expect(shown).toEqual([asked().url]);
  });

  it.each([
    ['fails', 'error', new Error('ENOENT'), 1],
    ['exits with 3', 'exit', 3, 1],
    ['exits with 0', 'exit', 0, 0],
    ['is ended by a signal', 'exit', null, 0],
  ])('when its process %s', async (_, event, value, times) => {
    const { shown, fallback } = recorded();
    const browser = new EventEmitter();
    const opened: string[] = [];
    const present = openBrowser({
      fallback,
      open: (url) => {
        opened.push(url);
        setImmediate(() => browser.emit(event, value));
        return Promise.resolve(browser);
      },
    }).present(asked());
    await present;
    expect(opened).toEqual([asked().url]);
    expect(shown.length).toBe(times);
  });

  it('shows nothing more once the answer has arrived', async () => {
    const { shown, fallback } = recorded();
    const abort = new AbortController();
    const present = openBrowser({
      fallback,
      open: () => Promise.resolve(new EventEmitter()),
    }).present(asked(abort.signal));
    setImmediate(() => abort.abort());
    await present;
    expect(shown).toEqual([]);
  });
});

describe('over real sockets', () => {
  let world: World;
  const closers: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    world = await World.create();
    world.insecureLoopback = true;
  });
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  /** Puts one of the world's parties behind a port. */
  async function serve(add: (id: ReturnType<typeof identifier>) => Promise<void>) {
    const server = createServer((message, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of message) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks);
        const document = world.published.get(`${id} ${message.url?.replace('/.well-known/', '')}`);
        if (document !== undefined) {
          response.writeHead(200, { 'Content-Type': 'application/json' });
          response.end(JSON.stringify(document));
          return;
        }
        const reply = await world.transport(id + message.url, {
          method: message.method ?? 'GET',
          headers: rawHeaders(message),
          body: body.length === 0 ? null : new Uint8Array(body),
        });
        response.writeHead(reply.status, [...reply.headers].flat());
        response.end(Buffer.from(await reply.arrayBuffer()));
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    const id = identifier(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await add(id);
    return id;
  }
  const rawHeaders = (message: IncomingMessage): [string, string][] =>
    Object.entries(message.headersDistinct).flatMap(([name, values]) =>
      (values ?? []).map((value): [string, string] => [name, value]),
    );

  it('asks the person, takes the callback on its port and gets in, with the platform fetch and discovery', async () => {
    world.consent = 'person';
    const api = await serve((id) => world.addResource(id));
    world.authServer = await serve((id) => world.addAuthServer(id));
    let handle: Parameters<typeof listenForCallback>[0]['handle'] = () =>
      Promise.resolve(undefined);
    const listener = await listenForCallback({ handle: (request) => handle(request) }, { port: 0 });
    closers.push(() => listener.close());
    const id = identifier(listener.url);
    world.keys.set(id, world.agentKeys);
    const pages: string[] = [];
    const agent = createAgent({
      id,
      keys: world.agentKeys,
      clock: world.clock,
      insecureLoopback: true,
      interaction: {
        mode: 'wait',
        present: async ({ url }) => {
          const page = await fetch(world.approve(url));
          pages.push(`${page.status} ${await page.text()}`);
        },
      },
    });
    handle = agent.handle;
    const response = await agent.fetch(`${api}/data?q=1`, { method: 'POST', body: 'hello' });
    expect([response.status, await response.text()]).toEqual([200, 'welcome']);
    expect(pages).toEqual([expect.stringMatching(/^200 [^]*Approved/)]);
    expect(world.to(api).map(({ scheme, body }) => `${scheme} ${body}`)).toEqual([
      'jwks hello',
      'jwt hello',
    ]);

    const jwks = await fetch(`${listener.url}/jwks.json`);
    expect(await jwks.json()).toEqual(world.agentKeys.jwks);
    expect((await fetch(`${listener.url}/nothing`)).status).toBe(404);
  });

  it('listens on no port that is taken, and answers odd requests without breaking', async () => {
    const listener = await listenForCallback(world.agent(), { port: 0 });
    closers.push(() => listener.close());
    const { port } = new URL(listener.url);
    await expect(listenForCallback(world.agent(), { port: Number(port) })).rejects.toThrow(
      'EADDRINUSE',
    );
    const raw = (path: string, method = 'GET') =>
      new Promise<number>((resolve, reject) => {
        const request = httpRequest({ port, host: '127.0.0.1', path, method }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on('error', reject);
        request.end();
      });
    expect(await raw('//evil.example/callback?code=x')).toBe(404);
    expect(await raw('http://evil.example/callback?code=x')).toBe(400);
    expect(await raw('*', 'OPTIONS')).toBe(400);
    expect(await raw('/callback', 'TRACE')).toBe(400);
    expect(await raw('/callback?code=x', 'HEAD')).toBe(405);
    expect(await raw('/jwks.json')).toBe(200);
  });
});
