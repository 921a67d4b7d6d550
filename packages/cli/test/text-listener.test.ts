import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listening, listen } from '../src/http/listen.js';
import { textListener } from '../src/http/text-listener.js';

const ANSWER = {
  status: 201,
  headers: { 'Content-Type': 'application/json', 'X-One': '1' },
  text: '{"name":"Zoë"}',
};

/** Everything that comes for these bytes until the server ends the connection. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  socket.end(request);
  let received = '';
  socket.on('data', (text: string) => (received += text));
  await once(socket, 'close');
  return received;
}

describe('an answer that is a text', () => {
  let server: Listening;
  beforeAll(async () => {
    server = await listen(
      textListener(async () => ANSWER),
      { host: '127.0.0.1', port: 0 },
    );
  });
  afterAll(() => server.close());

  const ask = (method: string, more = '') =>
    exchange(server.port, `${method} / HTTP/1.1\r\nHost: a.example\r\n${more}\r\n`);

  it('is written with its length in bytes, and nothing else than a Response would be', async () => {
    const [head = '', body] = (await ask('GET', 'Connection: close\r\n')).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(head).toMatch(/\r\nContent-Length: 15\r\n/);
    expect(head).toMatch(/\r\nX-One: 1\r\n/);
    expect(head).not.toMatch(/transfer-encoding|x-hono/i);
    expect(body).toBe(ANSWER.text);
  });

  it('has no body where HEAD is asked', async () => {
    const answer = await ask('HEAD', 'Connection: close\r\n');
    expect(answer).toMatch(/\r\nContent-Length: 15\r\n/);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('leaves the connection for the next request, also when nobody has read the body', async () => {
    const body = `Content-Length: 5\r\n\r\nhello`;
    const both = `POST / HTTP/1.1\r\nHost: a.example\r\n${body}GET / HTTP/1.1\r\nHost: a.example\r\n`;
    const answers = await exchange(server.port, `${both}Connection: close\r\n\r\n`);
    expect(answers.match(/HTTP\/1\.1 201 Created/g)).toHaveLength(2);
  });
});
