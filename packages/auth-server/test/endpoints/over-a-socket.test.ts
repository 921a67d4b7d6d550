import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeaderLine, HttpMessage } from '@countersign/httpsig';
import { signedMessage } from '../../../protocol/test/kit.js';
import { Served } from '../browser/served.js';
import { Bench, FORM, nonce } from './kit.js';

/** What a Fetch `Request` no longer shows: repeated lines, the target as it was sent. */
const site = new Served();
let bench: Bench;
beforeAll(async () => {
  await site.listen();
  bench = await Bench.open({
    issuer: site.origin,
    agentId: 'http://127.0.0.1:8001',
    redirectUri: 'http://127.0.0.1:8001/callback',
    server: { insecureLoopback: true },
  });
  site.handler = (request, incoming) => bench.server.handle(request, { incoming });
});
afterAll(async () => {
  await site.close();
  await bench.close();
});

async function tokenRequest(path = '/agent/token'): Promise<HttpMessage> {
  return await signedMessage(bench.agent, {
    url: `${site.origin}${path}`,
    headers: [['Content-Type', FORM], nonce()],
    body: new URLSearchParams(await bench.accessRequest()).toString(),
    created: bench.clock(),
  });
}

/** Sends exactly these lines and returns the status. */
async function send({ method, target, headers, body }: HttpMessage): Promise<number> {
  const length: HeaderLine = ['Content-Length', String(body?.length ?? 0)];
  const lines = [...headers, length, ['Connection', 'close']].map((line) => line.join(': '));
  const socket = connect(Number(new URL(site.origin).port), '127.0.0.1');
  socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  socket.write(body ?? '');
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return Number(/^HTTP\/1\.1 (\d{3})/u.exec(answer)?.[1]);
}

describe('Over a socket, a token request', () => {
  it('is answered when it is signed as it was sent', async () => {
    expect(await send(await tokenRequest())).toBe(200);
  });

  it.each<[string, (message: HttpMessage) => HttpMessage, number]>([
    [
      'with two Content-Type lines',
      (message) => ({ ...message, headers: [...message.headers, ['Content-Type', FORM]] }),
      401,
    ],
    [
      'with two Signature-Key lines',
      (message) => {
        const again = message.headers.filter(([name]) => name === 'Signature-Key');
        return { ...message, headers: [...message.headers, ...again] };
      },
      401,
    ],
    [
      'with two Host lines',
      (message) => ({ ...message, headers: [...message.headers, ['Host', 'evil.example']] }),
      400,
    ],
    [
      'with a whole URL as its target',
      (message) => ({ ...message, target: `${site.origin}${message.target}` }),
      400,
    ],
    ['with dots in its path', (message) => ({ ...message, target: '/agent/./token' }), 400],
    [
      'with encoded dots in its path',
      (message) => ({ ...message, target: '/agent/%2e/token' }),
      400,
    ],
    [
      'with a query that is not signed',
      (message) => ({ ...message, target: '/agent/token?x' }),
      401,
    ],
    ['with a bare question mark', (message) => ({ ...message, target: '/agent/token?' }), 401],
  ])('%s is refused', async (_, change, status) => {
    const before = bench.contents();
    expect(await send(change(await tokenRequest()))).toBe(status);
    expect(bench.contents()).toEqual(before);
  });

  it('may have a query when it is signed, an empty one too', async () => {
    expect(await send(await tokenRequest('/agent/token?x=1'))).toBe(200);
    expect(await send(await tokenRequest('/agent/token?'))).toBe(200);
  });

  it('cannot be sent to another spelling of the path, even signed like that', async () => {
    const message = await tokenRequest();
    const signed = await signedMessage(bench.agent, {
      url: `${site.origin}/agent/%2e/token`,
      headers: [['Content-Type', FORM], nonce()],
      ...(message.body === undefined ? {} : { body: message.body }),
      created: bench.clock(),
    });
    expect(signed.target).toBe('/agent/%2e/token');
    expect(await send(signed)).toBe(400);
  });
});
