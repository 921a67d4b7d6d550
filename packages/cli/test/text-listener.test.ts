import { type ReceivedRequest, readBody } from '@countersign/protocol';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { fetchListener } from '../src/http/fetch-listener.js';
import { type Listening, listen } from '../src/http/listen.js';
import { urlOf } from '../src/http/node-request.js';
import { textListener } from '../src/http/text-listener.js';

const ANSWER = {
  status: 201,
  headers: { 'Content-Type': 'application/json', 'X-One': '1', 'Set-Cookie': ['a=1', 'b=2'] },
  text: '{"name":"Zoë"}',
};
const HEAD = 'Host: a.example\r\n';

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  return socket;
}

/** Everything that comes for these bytes until the server ends the connection. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = open(port);
  socket.end(request);
  let received = '';
  socket.on('data', (text: string) => (received += text));
  await once(socket, 'close');
  return received;
}

describe('an answer that is a text', () => {
  let server: Listening;
  beforeAll(async () => {
    const handler = async ({ url }: ReceivedRequest) => {
      if (url.endsWith('/fault')) throw new Error('hunter2');
      if (url.endsWith('/unwritable')) return { ...ANSWER, headers: { 'X-One': 'hunter2\n' } };
      return url.endsWith('/nothing') ? { status: 204, headers: {}, text: '' } : ANSWER;
    };
    server = await listen(textListener(handler, 1), { host: '127.0.0.1', port: 0 });
  });
  afterAll(() => server.close());

  const ask = (method: string, path = '/', more = 'Connection: close\r\n') =>
    exchange(server.port, `${method} ${path} HTTP/1.1\r\n${HEAD}${more}\r\n`);

  it('is written with its length in bytes, and a line for each value', async () => {
    const [head = '', body] = (await ask('GET')).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(head).toMatch(/\r\nContent-Length: 15\r\n/);
    expect(head).toMatch(/\r\nX-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(body).toBe(ANSWER.text);
  });

  it('has no body where HEAD is asked', async () => {
    const answer = await ask('HEAD');
    expect(answer).toMatch(/\r\nContent-Length: 15\r\n/);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('has no length where there is nothing', async () => {
    const answer = await ask('GET', '/nothing');
    expect(answer).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);
    expect(answer).not.toMatch(/content-length|transfer-encoding/i);
  });

  it.each(['/fault', '/unwritable'])('is 500 and tells nothing in place of %s', async (path) => {
    const answer = await ask('GET', path);
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain('hunter2');
  });

  it('leaves the connection for the next request, also when nobody has read the body', async () => {
    const body = `Content-Length: 5\r\n\r\nhello`;
    const both = `POST / HTTP/1.1\r\n${HEAD}${body}GET / HTTP/1.1\r\n${HEAD}`;
    const answers = await exchange(server.port, `${both}Connection: close\r\n\r\n`);
    expect(answers.match(/HTTP\/1\.1 201 Created/g)).toHaveLength(2);
  });

  it('leaves nothing behind on a connection whose bodies come after their answers', async () => {
    /** How many wait for the connection's end, at each request. */
    const waiting: number[] = [];
    const patient = textListener(async (_request, incoming) => {
      waiting.push(incoming.socket.listenerCount('close'));
      return ANSWER;
    }, 60_000);
    const listening = await listen(patient, { host: '127.0.0.1', port: 0 });
    const socket = open(listening.port);
    for (let request = 0; request < 12; request++) {
      socket.write(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\n`);
      await once(socket, 'data');
      socket.write('hello');
    }
    socket.destroy();
    await listening.close();
    expect(waiting).toEqual(Array.from({ length: 12 }, () => waiting[0]));
  });

  it('cuts off whoever does not come to an end with what nobody reads', async () => {
    const socket = open(server.port);
    socket.write(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    const [answer] = (await once(socket, 'data')) as [string];
    expect(answer).toContain('201 Created');
    await once(socket, 'close');
  });
});

describe('a request without Fetch', () => {
  /** What a handler can tell of a request, body included. */
  async function seen(request: ReceivedRequest, raw: Parameters<typeof readBody>[2]) {
    const { pathname, search } = new URL(request.url);
    const names = ['Cookie', 'x-two', 'X-TWO', 'host', 'content-type', 'absent'];
    const body = await readBody(request, 8, raw).then(
      (bytes) => (bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex')),
      (error: unknown) => (error as { code: string }).code,
    );
    const headers = names.map((name) => request.headers.get(name));
    const { method, bodyUsed } = request;
    return JSON.stringify({ method, path: pathname + search, headers, body, bodyUsed });
  }
  let plain: Listening;
  let fetch: Listening;
  beforeAll(async () => {
    const at = { host: '127.0.0.1', port: 0 };
    const text = textListener(async (request, incoming) => ({
      status: 200,
      headers: {},
      text: await seen(request, incoming),
    }));
    plain = await listen(text, at);
    const answer = async (request: Request, raw: Parameters<typeof readBody>[2]) =>
      new Response(await seen(request, raw));
    fetch = await listen(fetchListener(answer), at);
  });
  afterAll(() => Promise.all([plain.close(), fetch.close()]));

  const both = async (request: string): Promise<readonly (string | undefined)[]> => {
    const answers = [plain, fetch].map(({ port }) => exchange(port, request));
    const [ours, theirs] = await Promise.all(answers);
    return [ours?.split('\r\n\r\n')[1], theirs?.split('\r\n\r\n')[1]];
  };

  it.each([
    '/',
    '/agent/token',
    '/agent/token?',
    '/a?b=c&d=%7e',
    '//a/b',
    '/a/../b',
    '/a/./b/.',
    '/a/%2e%2E/b',
    '/a/.b/c..d',
    "/a?b='c'",
    '/a|b^c`d{e}"f<g>',
    '/a?b="c<d>`{',
    '/%zz%',
    'http://b.example/c/../d?e',
  ])('is routed as a Fetch request would be: %s', async (target) => {
    const [ours, theirs] = await both(`GET ${target} HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(ours).toBe(theirs);
    expect(ours).toContain('"method":"GET"');
  });

  it('leads nowhere where its target is no path', async () => {
    const [ours] = await both(`OPTIONS * HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(JSON.parse(ours ?? '')).toMatchObject({ method: 'OPTIONS', path: '/*' });
  });

  it.each([
    ['no body', ''],
    ['a body', 'Content-Length: 5\r\n\r\nhello'],
    ['an empty body', 'Content-Length: 0\r\n\r\n'],
    ['a body in pieces', 'Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
    ['a body that says it is too long', 'Content-Length: 9\r\n\r\n123456789'],
    ['a body in pieces too long', 'Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n'],
  ])('has the same body and header lines as a Fetch request: %s', async (_what, rest) => {
    const lines = 'Cookie: a=1\r\nX-Two: 1\r\nCookie: b=2\r\nx-two:  2 \r\nConnection: close\r\n';
    const [ours, theirs] = await both(`POST /a HTTP/1.1\r\n${HEAD}${lines}${rest || '\r\n'}`);
    expect(ours).toBe(theirs);
    expect(ours).toContain('"a=1; b=2","1, 2","1, 2","a.example",null,null');
  });

  it('is refused when its body breaks off', async () => {
    const answers = await both(`POST /a HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhell`);
    expect(answers[0] ?? '').not.toContain('"body":"');
  });

  it('is refused when its body has broken off before anybody reads it', async () => {
    let outcome: (body: string) => void = () => undefined;
    const read = new Promise<string>((resolve) => (outcome = resolve));
    const late = textListener(async (request, incoming) => {
      await new Promise((resolve) => incoming.once('close', resolve));
      outcome(await readBody(request, 8, incoming).then(String, (error) => String(error.code)));
      return ANSWER;
    });
    const server = await listen(late, { host: '127.0.0.1', port: 0 });
    const socket = open(server.port);
    socket.write(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhell`, () => {
      socket.destroy();
    });
    expect(await read).toBe('invalid_request');
    await server.close();
  });

  it('has the URL that the platform makes of any target', () => {
    const part = fc.oneof(
      fc.constantFrom('.', '..', '%2e', '%2E.', '/', '//', '?', "'", '"', '|', '^', '\\', 'é'),
      fc.string({ maxLength: 4 }),
    );
    const targets = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    fc.assert(
      fc.property(targets, (target) => {
        expect(urlOf(target)).toBe(new URL(`http://localhost${target}`).href);
      }),
      { numRuns: 2_000 },
    );
  });
});
