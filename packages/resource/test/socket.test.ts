import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { HttpMessage } from '@countersign/httpsig';
import { memoryReplayStore } from '@countersign/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authTokenFor,
  FakeDiscovery,
  holder,
  makeAgent,
  makeAuthServer,
  makeResource,
  type Party,
  signedMessage,
  type Signer,
  testClock,
  type TestAgent,
} from '../../protocol/test/kit.js';
import { Hono } from 'hono';
import { aauth, type AccessVariables, resourceRoutes } from '../src/hono.js';
import { createResource } from '../src/index.js';
import { IDENTITY } from './support.js';

let server: Server;
let origin: string;
let agent: TestAgent;
let resource: Party;
let authServer: Party;
let ran: string[] = [];
const clock = testClock();
const refused: (string | undefined)[] = [];
const discovery = new FakeDiscovery();

beforeAll(async () => {
  let listener: ReturnType<typeof getRequestListener> | undefined;
  server = createServer((request, response) => void listener?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  [agent, resource, authServer] = await Promise.all([
    makeAgent(),
    makeResource(origin),
    makeAuthServer(),
  ]);
  discovery.publishAgent(agent).publishAuthServer(authServer);
  const api = createResource({
    id: resource.id,
    keys: resource.keys,
    authServers: [authServer.id],
    scopes: { 'data.read': 'Read' },
    discovery,
    clock,
    replay: memoryReplayStore({ clock, nothingBeforeStart: true }),
    insecureLoopback: true,
    maxBodyBytes: 1000,
    onRefused: ({ rule, code }) => refused.push(rule ?? code),
  });
  const app = new Hono<{ Variables: AccessVariables }>();
  app.use(resourceRoutes(api));
  app.all('/authorized', aauth(api, { scopes: ['data.read'] }), (c) =>
    c.text(c.get('access').level),
  );
  app.all('*', aauth(api, 'identity'), async (c) => {
    ran.push(await c.req.text());
    return c.text(c.get('access').level);
  });
  listener = getRequestListener(app.fetch);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends bytes as they are and reads until the server closes. */
async function send(text: string | Buffer): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('close', () => resolve()).on('error', reject);
  });
  socket.write(text);
  await ended;
  const [head = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') };
}

/** A request as its bytes, with nothing changed on the way. */
function bytesOf(message: HttpMessage, target = message.target): string {
  const lines = message.headers.map(([name, value]) => `${name}: ${value}`);
  const body = message.body === undefined ? '' : Buffer.from(message.body).toString();
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  const head = [`${message.method} ${target} HTTP/1.1`, ...lines, ...length, 'Connection: close'];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const sign = (
  path: string,
  more: Partial<Parameters<typeof signedMessage>[1]> = {},
  signer: Signer = agent,
) => signedMessage(signer, { url: origin + path, ...more });

describe('over a socket', () => {
  it.each([
    '/data',
    '/data?a=b',
    '/data?',
    '/data?a=%2e&b="<>"',
    '/d%61ta',
    '/%2e',
    '/a//b',
    '//a',
    '/data?a=/../b',
    '/a%2F..%2Fb',
    '/a;b=c,d',
  ])('a signed request for %s is accepted, its target as it was sent', async (path) => {
    const { status, body } = await send(bytesOf(await sign(path)));
    // A path that is only dots is no longer what it was when it is routed.
    expect(status).toBe(path === '/%2e' ? 400 : 200);
    if (status === 200) expect(body).toContain('identity');
  });

  it('a signed body reaches the handler', async () => {
    ran = [];
    const headers = [['Content-Type', 'text/plain']] as const;
    expect((await send(bytesOf(await sign('/data', { body: 'hello', headers })))).status).toBe(200);
    expect(ran).toEqual(['hello']);
  });

  it('a signed body in chunks reaches the handler', async () => {
    ran = [];
    const headers = [
      ['Content-Type', 'text/plain'],
      ['Transfer-Encoding', 'chunked'],
    ] as const;
    const message = await sign('/in-chunks', { body: 'hello', headers });
    const head = bytesOf({ ...message, body: undefined });
    expect((await send(`${head}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`)).status).toBe(200);
    expect(ran).toEqual(['hello']);
  });

  it('the documents are served', async () => {
    const head = `Host: ${resource.authority}\r\nConnection: close\r\n\r\n`;
    const { status, body } = await send(`GET /.well-known/aauth-resource HTTP/1.1\r\n${head}`);
    expect(status).toBe(200);
    expect(body).toContain(`"resource":"${origin}"`);
  });

  it('the whole round is made: challenge, token, access', async () => {
    const challenged = await send(bytesOf(await sign('/authorized')));
    expect(challenged.status).toBe(401);
    expect(challenged.head).toMatch(/^agent-auth: httpsig; auth-token; resource_token="/im);
    expect(challenged.body).toContain('Authorization required');
    const token = await authTokenFor(authServer, resource, agent);
    const answer = await send(bytesOf(await sign('/authorized', {}, holder(agent.key, token))));
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('authorization');
  });

  it('one who did not sign is asked to, without waiting for a body that never comes', async () => {
    const head = `POST /data HTTP/1.1\r\nHost: ${resource.authority}\r\nConnection: close\r\n`;
    const answer = await send(`${head}Content-Length: 5\r\n\r\nhello`);
    expect(answer.status).toBe(401);
    expect(answer.head.toLowerCase()).toContain(`agent-auth: ${IDENTITY}`);
  });

  const form = [['Content-Type', 'text/plain']] as const;
  it.each<[string, number, string, () => Promise<string>]>([
    [
      'an absolute target',
      400,
      'target_invalid',
      async () => bytesOf(await sign('/data'), `${origin}/data`),
    ],
    [
      'an absolute target of another host',
      400,
      'target_invalid',
      async () => bytesOf(await sign('/data'), 'http://other.example/data'),
    ],
    [
      'a second Host that is the same',
      400,
      'host_repeated',
      async () => bytesOf(await sign('/data', { headers: [['Host', resource.authority]] })),
    ],
    [
      'a second Host that is another',
      400,
      'host_repeated',
      async () => bytesOf(await sign('/data', { headers: [['Host', 'other.example']] })),
    ],
    [
      'another Host',
      421,
      'authority_mismatch',
      async () =>
        bytesOf(await sign('/data')).replace(`Host: ${resource.authority}`, 'Host: other.example'),
    ],
    ['dot segments', 400, 'path_not_normal', async () => bytesOf(await sign('/x/../data'))],
    [
      'escaped dot segments',
      400,
      'path_not_normal',
      async () => bytesOf(await sign('/x/%2e%2E/data')),
    ],
    [
      'a second Content-Type',
      401,
      'header_repeated',
      async () =>
        bytesOf(await sign('/data', { body: 'a', headers: form })).replace(
          'Content-Type:',
          'Content-Type: text/html\r\nContent-Type:',
        ),
    ],
    [
      'a second Content-Digest',
      401,
      'header_repeated',
      async () =>
        bytesOf(await sign('/data', { body: 'a', headers: form })).replace(
          /(Content-Digest: [^\r]+\r\n)/,
          '$1$1',
        ),
    ],
    [
      'a second Signature',
      401,
      'header_repeated',
      async () => bytesOf(await sign('/data')).replace(/(Signature: [^\r]+\r\n)/, '$1$1'),
    ],
    [
      'a second Signature-Input',
      401,
      'header_repeated',
      async () => bytesOf(await sign('/data')).replace(/(Signature-Input: [^\r]+\r\n)/, '$1$1'),
    ],
    [
      'a second Signature-Key',
      401,
      'header_repeated',
      async () => bytesOf(await sign('/data')).replace(/(Signature-Key: [^\r]+\r\n)/, '$1$1'),
    ],
    [
      'a second Nonce',
      401,
      'header_repeated',
      async () =>
        bytesOf(await sign('/data', { headers: [['Nonce', 'q83vEjRWeJCrze8S']] })).replace(
          /(Nonce: [^\r]+\r\n)/,
          '$1$1',
        ),
    ],
    [
      'a body that was changed',
      401,
      'digest_mismatch',
      async () =>
        bytesOf(await sign('/data', { body: 'hello', headers: form })).replace(
          '\r\n\r\nhello',
          '\r\n\r\nhullo',
        ),
    ],
    [
      'a body over the limit',
      413,
      'body_too_large',
      async () => bytesOf(await sign('/data', { body: 'a'.repeat(1001), headers: form })),
    ],
    [
      'a query that was changed',
      401,
      'signature_invalid',
      async () => bytesOf(await sign('/data?a=1')).replace('?a=1', '?a=2'),
    ],
    [
      'a path escaped on the way',
      401,
      'signature_invalid',
      async () => bytesOf(await sign('/data'), '/d%61ta'),
    ],
  ])('%s is refused with %d, %s, and no handler runs', async (_what, status, rule, make) => {
    ran = [];
    refused.length = 0;
    const answer = await send(await make());
    expect(answer.status).toBe(status);
    expect(refused).toEqual([rule]);
    expect(answer.body).not.toMatch(/node_modules|\bat \/|Error:/);
    expect(ran).toEqual([]);
    expect((await send(bytesOf(await sign('/data')))).status).toBe(200);
  });

  it('a body that breaks off runs no handler and leaves the server in order', async () => {
    ran = [];
    const text = bytesOf(await sign('/data', { body: 'hello', headers: form }));
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.write(text.slice(0, -2), () => resolve());
    });
    socket.destroy();
    expect((await send(bytesOf(await sign('/data')))).status).toBe(200);
    expect(ran).toEqual(['']);
  });

  it.each([
    ['with a length', 'Content-Length: 5', 'hello'],
    ['in chunks', 'Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
  ])('a body %s on a GET that nobody signed is refused', async (_how, header, body) => {
    ran = [];
    const plain = bytesOf(await sign('/data'));
    const smuggled = plain.replace('Connection: close', `${header}\r\nConnection: close`);
    const answer = await send(smuggled + body);
    expect(answer.status).toBe(401);
    expect(refused.at(-1)).toBe('component_missing');
    expect(ran).toEqual([]);
    expect((await send(plain)).status).toBe(200);
  });

  it('a body on a GET that is covered is accepted, though no handler can be handed it', async () => {
    ran = [];
    const message = await sign('/data', { method: 'GET', body: 'hello', headers: form });
    expect((await send(bytesOf(message))).status).toBe(200);
    expect((await send(bytesOf(message).replace('hello', 'hullo'))).status).toBe(401);
    expect(refused.at(-1)).toBe('digest_mismatch');
    expect(ran).toEqual(['']);
  });
});
