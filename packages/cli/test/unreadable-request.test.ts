import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Listening, listen } from '../src/http/listen.js';
import { textListener } from '../src/http/text-listener.js';
import type { UnreadableRequest } from '../src/http/unreadable-request.js';

describe('what is no HTTP request', () => {
  let server: Listening;
  let answer: Promise<void> = Promise.resolve();
  const told: UnreadableRequest[] = [];
  beforeAll(async () => {
    const handler = async () => {
      await answer;
      return { status: 200, headers: {}, text: 'the answer' };
    };
    server = await listen(textListener(handler), {
      host: '127.0.0.1',
      port: 0,
      onUnreadable: (request) => told.push(request),
    });
  });
  afterAll(() => server.close());
  beforeEach(() => {
    told.length = 0;
  });

  const open = async (): Promise<{ socket: Socket; ended: Promise<string> }> => {
    const socket = connect(server.port, '127.0.0.1');
    socket.setEncoding('utf8');
    let received = '';
    socket.on('data', (text: string) => (received += text));
    await once(socket, 'connect');
    return { socket, ended: once(socket, 'close').then(() => received) };
  };
  const exchange = async (bytes: string): Promise<string> => {
    const { socket, ended } = await open();
    socket.write(bytes);
    return await ended;
  };

  it.each([
    ['no method', 'HELLO\r\n\r\n', 400, 'Bad Request', 'HPE_'],
    ['two lengths', lengths('1', '2'), 400, 'Bad Request', 'HPE_'],
    ['a header block beyond 16 KiB', long(), 431, 'Request Header Fields Too Large', 'HPE_HEADER'],
  ])('is answered, cut off and told of: %s', async (_case, bytes, status, phrase, reason) => {
    expect(await exchange(bytes)).toBe(`HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\n\r\n`);
    expect(told).toMatchObject([{ status, reason: expect.stringContaining(reason) as string }]);
    expect(told[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(JSON.stringify(told)).not.toContain('HELLO');
  });

  it('does not get into the answer to what was asked before it', async () => {
    let release: () => void = () => undefined;
    answer = new Promise((resolve) => {
      release = resolve;
    });
    const { socket, ended } = await open();
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    socket.write('HELLO\r\n\r\n');
    const received = await ended;
    release();
    expect(received).not.toContain('400');
    expect(told).toMatchObject([{ status: 400 }]);
  });

  it('leaves the next connection alone, and is not told of one that says nothing', async () => {
    answer = Promise.resolve();
    (await open()).socket.destroy();
    const request = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
    expect(await exchange(request)).toContain('the answer');
    expect(told).toEqual([]);
  });
});

function lengths(...all: string[]): string {
  const headers = all.map((one) => `Content-Length: ${one}\r\n`).join('');
  return `POST / HTTP/1.1\r\nHost: a.example\r\n${headers}\r\n`;
}

function long(): string {
  return `GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
}
