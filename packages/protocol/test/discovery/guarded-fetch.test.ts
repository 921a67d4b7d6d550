import type { ServerResponse } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { FetchedDocument, GuardOptions } from '../../src/discovery/document-fetch.js';
import { createGuardedFetch } from '../../src/platform/node.js';
import { createGuardedFetch as createPortableFetch } from '../../src/platform/portable.js';
import { certificate, JSON_TYPE, serve } from './support.js';

const loopback: GuardOptions = { insecureLoopback: true };
const request = { accept: 'application/json', maxBytes: 65_536, deadlineMs: 2000 };
const hasty = { ...request, deadlineMs: 150 };

const platforms = [
  ['Node', createGuardedFetch(loopback)],
  ['portable', createPortableFetch({ ...loopback, hosts: [] })],
] as const;

const text = ({ body }: FetchedDocument): string => new TextDecoder().decode(body);

describe.each(platforms)('the guarded fetch (%s)', (platform, fetchDocument) => {
  it('returns status, type, caching and body', async () => {
    const { id } = await serve((_request, response) => {
      response.writeHead(200, { ...JSON_TYPE, 'cache-control': 'max-age=60' });
      response.end('{"a":1}');
    });
    const fetched = await fetchDocument(`${id}/x`, request);
    expect(fetched).toMatchObject({
      status: 200,
      contentType: 'application/json',
      cacheControl: 'max-age=60',
    });
    expect(text(fetched)).toBe('{"a":1}');
  });

  it('sends no cookie, credential or referrer, and the path as given', async () => {
    let headers: NodeJS.Dict<string | string[]> = {};
    const { id, requests } = await serve((incoming, response) => {
      headers = incoming.headers;
      response.writeHead(200, { ...JSON_TYPE, 'set-cookie': 'a=b' }).end('{}');
    });
    await fetchDocument(`${id}/a?b=c`, request);
    await fetchDocument(`${id}/a?b=c`, request);
    expect(requests).toEqual(['/a?b=c', '/a?b=c']);
    expect(Object.keys(headers)).not.toContain('cookie');
    expect(Object.keys(headers)).not.toContain('authorization');
    expect(Object.keys(headers)).not.toContain('referer');
    expect(headers['accept']).toBe('application/json');
  });

  it.each([301, 302, 303, 307, 308])('refuses a %i redirect', async (status) => {
    const goal = await serve((_request, response) => response.writeHead(200, JSON_TYPE).end('{}'));
    const { id } = await serve((_request, response) => {
      response.writeHead(status, { location: `${goal.id}/` }).end();
    });
    await expect(fetchDocument(id, request)).rejects.toThrow('redirect');
    expect(goal.requests).toEqual([]);
  });

  it('gives up on a body that drips', async () => {
    const { id } = await serve((_request, response) => {
      response.writeHead(200, JSON_TYPE);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(fetchDocument(id, hasty)).rejects.toThrow('deadline passed');
  });

  it('stops an endless body at its limit, long before the deadline', async () => {
    const { id } = await serve((_request, response) => {
      response.writeHead(200, JSON_TYPE);
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    });
    await expect(fetchDocument(id, request)).rejects.toThrow('body too large');
  });

  it('refuses a body whose length alone is too much, and takes one of exactly the limit', async () => {
    const { id } = await serve((incoming, response) => {
      response.writeHead(200, JSON_TYPE).end(' '.repeat(Number(incoming.url?.slice(1))));
    });
    await expect(fetchDocument(`${id}/65537`, request)).rejects.toThrow('body too large');
    await expect(fetchDocument(`${id}/204800`, request)).rejects.toThrow('body too large');
    expect((await fetchDocument(`${id}/65536`, request)).body.length).toBe(65_536);
  });

  it('gives up on headers that never come', async () => {
    const { id } = await serve(() => undefined);
    await expect(fetchDocument(id, hasty)).rejects.toThrow('deadline passed');
  });

  it('gives up on headers that drip', async () => {
    const server = createSocketServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(fetchDocument(`http://127.0.0.1:${port}`, hasty)).rejects.toThrow(
      'deadline passed',
    );
    server.close();
  });

  it('does not unpack a compression bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    const { id } = await serve((_request, response) => {
      response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(bomb);
    });
    await expect(fetchDocument(id, request)).rejects.toThrow(
      platform === 'Node' ? 'encoded body' : 'body too large',
    );
  });

  it('returns other statuses without reading their bodies', async () => {
    const { id } = await serve((_request, response) => {
      response.writeHead(404, JSON_TYPE);
      response.write('x'.repeat(100_000));
    });
    expect(await fetchDocument(id, request)).toMatchObject({ status: 404, body: new Uint8Array() });
  });

  it('rejects when nobody listens', async () => {
    await expect(fetchDocument('http://127.0.0.1:1', request)).rejects.toThrow();
  });

  it('asks nobody it may not ask', async () => {
    for (const url of ['http://10.0.0.1/', 'https://10.0.0.1/', 'https://[::ffff:127.0.0.1]/']) {
      await expect(fetchDocument(url, request)).rejects.toThrow();
    }
  });
});

describe('names on Node', () => {
  const json = (answer: string) => (_request: unknown, response: ServerResponse) =>
    response.writeHead(200, JSON_TYPE).end(answer);

  it('connects to the address that was checked, whatever the name resolves to next', async () => {
    const { port, arrivedAt } = await serve(json('{}'), { address: '0.0.0.0' });
    const answers = [['127.0.0.5'], ['10.0.0.1']];
    let resolved = 0;
    const fetchDocument = createGuardedFetch(loopback, {
      resolve: async () => answers[resolved++] ?? [],
    });
    await fetchDocument(`http://localhost:${port}/`, request);
    expect(resolved).toBe(1);
    expect(arrivedAt).toEqual(['127.0.0.5']);
    await expect(fetchDocument(`http://localhost:${port}/`, request)).rejects.toThrow(
      'address in range private',
    );
    expect(arrivedAt).toHaveLength(1);
  });

  it.each([
    [['8.8.8.8', '127.0.0.1'], 'loopback'],
    [['127.0.0.1', '8.8.8.8'], 'loopback'],
    [['8.8.8.8', 'fd00::1'], 'uniqueLocal'],
    [['169.254.169.254'], 'linkLocal'],
  ])('does not connect to a name with the addresses %j', async (addresses, range) => {
    const { port, requests } = await serve(json('{}'), { tls: true });
    const fetchDocument = createGuardedFetch(
      {},
      { resolve: async () => addresses, certificateAuthorities: certificate },
    );
    await expect(fetchDocument(`https://public.example:${port}/`, request)).rejects.toThrow(range);
    expect(requests).toEqual([]);
  });

  it('refuses a name without addresses', async () => {
    const fetchDocument = createGuardedFetch({}, { resolve: async () => [] });
    await expect(fetchDocument('https://a.example/', request)).rejects.toThrow('without address');
  });

  it('counts the time that a resolver takes', async () => {
    const fetchDocument = createGuardedFetch(
      {},
      {
        resolve: (_hostname, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')));
          }),
      },
    );
    await expect(fetchDocument('https://a.example/', hasty)).rejects.toThrow('deadline passed');
  });

  it('asks an allowed host over TLS by its own name, at its private address', async () => {
    const { port, arrivedAt } = await serve(json('{"a":1}'), { tls: true });
    const internals = { resolve: async () => ['127.0.0.1'], certificateAuthorities: certificate };
    const allowed = createGuardedFetch({ allow: [`intranet.example:${port}`] }, internals);
    expect(text(await allowed(`https://intranet.example:${port}/`, request))).toBe('{"a":1}');
    const network = createGuardedFetch({ allow: ['127.0.0.0/8'] }, internals);
    expect(text(await network(`https://public.example:${port}/`, request))).toBe('{"a":1}');
    expect(arrivedAt).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('refuses a certificate for another name, and one that nobody vouches for', async () => {
    const { port, requests } = await serve(json('{}'), { tls: true });
    const allow = [`other.example:${port}`, `intranet.example:${port}`];
    const resolve = async (): Promise<string[]> => ['127.0.0.1'];
    const wrongName = createGuardedFetch(
      { allow },
      { resolve, certificateAuthorities: certificate },
    );
    await expect(wrongName(`https://other.example:${port}/`, request)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    const untrusted = createGuardedFetch({ allow }, { resolve });
    await expect(untrusted(`https://intranet.example:${port}/`, request)).rejects.toThrow();
    expect(requests).toEqual([]);
  });

  it('gives up on a handshake that never ends, and hangs up', async () => {
    let hungUp: Promise<void> | undefined;
    const server = createSocketServer((socket) => {
      socket.on('error', () => undefined).resume();
      hungUp = new Promise((resolve) => socket.on('close', () => resolve()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const fetchDocument = createGuardedFetch(loopback);
    await expect(fetchDocument(`https://127.0.0.1:${port}/`, hasty)).rejects.toThrow(
      'deadline passed',
    );
    await hungUp;
    server.close();
  });

  it('resolves localhost as the machine does', async () => {
    const { port } = await serve(json('{}'));
    const fetchDocument = createGuardedFetch(loopback);
    expect((await fetchDocument(`http://localhost:${port}/`, request)).status).toBe(200);
  });

  it('goes on to the next address where nobody answers at the first', async () => {
    const { port, arrivedAt } = await serve(json('{}'));
    const fetchDocument = createGuardedFetch(loopback, {
      resolve: async () => ['127.0.0.9', '127.0.0.1'],
    });
    expect((await fetchDocument(`http://localhost:${port}/`, request)).status).toBe(200);
    expect(arrivedAt).toEqual(['127.0.0.1']);
  });

  it('leaves no connection behind', async () => {
    let closed: Promise<void> | undefined;
    const { id } = await serve((incoming, response) => {
      closed = new Promise((resolve) => incoming.socket.on('close', () => resolve()));
      response.writeHead(200, JSON_TYPE).end('{}');
    });
    await createGuardedFetch(loopback)(id, request);
    await closed;
  });
});

describe('bytes that a host sends, on Node', () => {
  const fetchDocument = createGuardedFetch(loopback);
  const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

  /** What comes of a connection on which just these bytes are sent, and then the end. */
  async function answered(bytes: string): Promise<FetchedDocument> {
    const server = createSocketServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      return await fetchDocument(`http://127.0.0.1:${port}`, request);
    } finally {
      server.close();
    }
  }

  it.each([
    ['with a length', `${OK}Content-Length: 2\r\n\r\n{}`],
    ['in pieces', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`],
    ['until the end', `${OK}\r\n{}`],
    ['after an early hint', `HTTP/1.1 103 Early Hints\r\n\r\n${OK}Content-Length: 2\r\n\r\n{}`],
  ])('are a document: one %s', async (_how, bytes) => {
    const fetched = await answered(bytes);
    expect(fetched).toMatchObject({ status: 200, contentType: 'application/json' });
    expect(text(fetched)).toBe('{}');
  });

  it.each([
    ['a body shorter than announced', `${OK}Content-Length: 3\r\n\r\n{}`],
    ['pieces that do not come to their end', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`],
    ['a piece of no length', `${OK}Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length and pieces', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`],
    ['a head that is too long', `${OK}X: ${'x'.repeat(20_000)}\r\nContent-Length: 2\r\n\r\n{}`],
    ['a line folded into the next', `${OK}X: y\r\n z\u0000: w\r\nContent-Length: 2\r\n\r\n{}`],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing', ''],
  ])('are no document: %s', async (_what, bytes) => {
    await expect(answered(bytes)).rejects.toThrow();
  });

  it('have no type where they have two', async () => {
    const twice = `${OK}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
    expect(await answered(twice)).toMatchObject({ status: 200, contentType: undefined });
  });

  it('are not taken where any line names an encoding', async () => {
    const lines = 'Content-Encoding: identity\r\nContent-Encoding: gzip\r\n';
    await expect(answered(`${OK}${lines}Content-Length: 2\r\n\r\n{}`)).rejects.toThrow(
      'encoded body',
    );
  });

  it('may be kept for as long as all lines together say', async () => {
    const lines = 'Cache-Control: max-age=60\r\nCache-Control: no-transform\r\n';
    expect(await answered(`${OK}${lines}Content-Length: 2\r\n\r\n{}`)).toMatchObject({
      cacheControl: 'max-age=60, no-transform',
    });
  });
});

describe('a platform that cannot check addresses', () => {
  it('wants its hosts listed, or to be told that anything goes', () => {
    expect(() => createPortableFetch({})).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
    expect(() => createPortableFetch(loopback)).toThrow('unguardedDiscovery');
    expect(() => createPortableFetch({ hosts: ['a.example'] })).not.toThrow();
    expect(() => createPortableFetch({ unguardedDiscovery: true })).not.toThrow();
  });

  it('asks listed hosts only, and private literals never', async () => {
    const listed = createPortableFetch({ hosts: ['a.example'] });
    await expect(listed('https://b.example/', request)).rejects.toThrow('host not listed');
    const anything = createPortableFetch({ unguardedDiscovery: true });
    await expect(anything('https://192.168.0.1/', request)).rejects.toThrow('private');
    await expect(anything('http://b.example/', request)).rejects.toThrow('not https');
  });
});
