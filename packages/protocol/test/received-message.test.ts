import { type NodeRequestLike, utf8 } from '@countersign/httpsig';
import { readBody, receivedMessage } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { refusalOf } from './kit.js';

const post = (body: BodyInit | null, headers: Record<string, string> = {}): Request => {
  const stream = body instanceof ReadableStream ? { duplex: 'half' } : {};
  return new Request('https://rs.example/', { method: 'POST', body, headers, ...stream });
};

/** A body of chunks that counts how many were asked for. */
function chunks(total: number, size: number) {
  const seen = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        seen.pulled += 1;
        if (seen.pulled > total) controller.close();
        else controller.enqueue(new Uint8Array(size).fill(seen.pulled));
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, seen };
}

describe('reading a body', () => {
  it('gives its bytes', async () => {
    expect(await readBody(post('hällo'), 6)).toEqual(utf8('hällo'));
  });

  it('puts the chunks together in order', async () => {
    const { body } = chunks(3, 2);
    expect(await readBody(post(body), 100)).toEqual(Uint8Array.of(1, 1, 2, 2, 3, 3));
  });

  it('gives nothing where there is none, or none of its bytes', async () => {
    expect(await readBody(new Request('https://rs.example/'), 10)).toBe(undefined);
    expect(await readBody(post(''), 10)).toBe(undefined);
    expect(await readBody(post(chunks(0, 0).body), 10)).toBe(undefined);
    expect(await readBody(post(chunks(5, 0).body), 10)).toBe(undefined);
  });

  it('accepts as many bytes as the limit and not one more', async () => {
    expect(await readBody(post('a'.repeat(10)), 10)).toHaveLength(10);
    const error = await refusalOf(readBody(post('a'.repeat(11)), 10));
    expect(error).toMatchObject({ code: 'body_too_large' });
    expect(error.message).toContain('10 bytes');
  });

  it('believes a Content-Length over the limit without reading', async () => {
    const { body, seen } = chunks(1, 1);
    const error = await refusalOf(readBody(post(body, { 'content-length': '11' }), 10));
    expect(error.code).toBe('body_too_large');
    expect(seen.pulled).toBe(0);
  });

  it.each(['1', '-1', 'many', ''])('does not believe a Content-Length of "%s"', async (length) => {
    const { body } = chunks(20, 1);
    const error = await refusalOf(readBody(post(body, { 'content-length': length }), 10));
    expect(error.code).toBe('body_too_large');
  });

  it('stops reading at the limit', async () => {
    const { body, seen } = chunks(1_000_000, 4);
    expect((await refusalOf(readBody(post(body), 10))).code).toBe('body_too_large');
    expect(seen.pulled).toBeLessThan(6);
    expect(seen.cancelled).toBe(true);
  });

  it('that ends before it is complete is a fault of the request, not ours', async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.error(new Error('ECONNRESET at 10.0.0.7')),
    });
    const error = await refusalOf(readBody(post(body), 10));
    expect(error).toMatchObject({ code: 'invalid_request', rule: 'body_incomplete' });
    expect(error.message).not.toContain('10.0.0.7');
  });

  it('that was read before is refused, so that it is not taken for none', async () => {
    const request = post('a=1');
    await request.text();
    const error = await refusalOf(readBody(request, 10));
    expect(error).toMatchObject({ code: 'configuration_invalid', rule: 'body_used' });
  });

  it('that was read before by a reader which let go of it is refused too', async () => {
    const request = post('a=1');
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
    while (!(await reader.read()).done);
    reader.releaseLock();
    expect(await refusalOf(readBody(request, 10))).toMatchObject({ rule: 'body_used' });
  });
});

describe.each(['GET', 'HEAD'])('the body of a %s', (method) => {
  /** Node's request beside the Fetch request, which cannot have such a body. */
  const received = (headers: Record<string, string>, chunks: readonly string[] | undefined) => {
    const rawHeaders = Object.entries(headers).flat();
    const incoming: NodeRequestLike = {
      url: '/',
      rawHeaders,
      ...(chunks === undefined
        ? {}
        : {
            async *[Symbol.asyncIterator]() {
              for (const chunk of chunks) yield utf8(chunk);
            },
          }),
    };
    const own = headers[':method'] === undefined ? headers : {};
    return { request: new Request('https://rs.example/', { method, headers: own }), incoming };
  };
  const read = (headers: Record<string, string>, chunks?: readonly string[]) => {
    const { request, incoming } = received(headers, chunks);
    return readBody(request, 10, incoming);
  };

  it.each([{ 'content-length': '5' }, { 'transfer-encoding': 'chunked' }, { ':method': method }])(
    'is read where the server keeps it: %o',
    async (headers) => {
      expect(await read({ ...headers }, ['he', 'llo'])).toEqual(utf8('hello'));
    },
  );

  it('is none when none is announced, and nothing is read', async () => {
    expect(await read({}, ['hello'])).toBe(undefined);
    expect(await read({ 'content-length': '0' })).toBe(undefined);
    expect(await read({ 'transfer-encoding': 'chunked' }, [])).toBe(undefined);
  });

  it('is held to the limit', async () => {
    const tooLong = read({ 'transfer-encoding': 'chunked' }, ['hello', 'hello', '!']);
    expect((await refusalOf(tooLong)).code).toBe('body_too_large');
    expect((await refusalOf(read({ 'content-length': '11' }, []))).code).toBe('body_too_large');
  });

  it('is refused where nobody can read it', async () => {
    const { request } = received({ 'content-length': '5' }, undefined);
    const refusal = { code: 'invalid_request', rule: 'body_unreadable' };
    expect(await refusalOf(readBody(request, 10))).toMatchObject(refusal);
    expect(await refusalOf(read({ 'content-length': '5' }))).toMatchObject(refusal);
  });

  it('that was read before is refused, so that it is not taken for none', async () => {
    expect(await refusalOf(read({ 'content-length': '5' }, []))).toMatchObject({
      code: 'configuration_invalid',
      rule: 'body_used',
    });
  });
});

const url = 'http://rs.example/data?a=b';
const raw: NodeRequestLike = {
  url: '/data?a=b',
  rawHeaders: ['Host', 'rs.example', 'X-A', '1', 'x-a', '2', 'Accept', ' */* '],
};
const receive = async (incoming?: NodeRequestLike, address = url) =>
  receivedMessage(new Request(address, { headers: { 'X-B': '3' } }), undefined, incoming);

describe('a received message', () => {
  it('has the raw target and header lines where the server keeps them', async () => {
    expect(await receive(raw)).toEqual({
      method: 'GET',
      target: '/data?a=b',
      headers: [
        ['Host', 'rs.example'],
        ['X-A', '1'],
        ['x-a', '2'],
        ['Accept', ' */* '],
      ],
      body: undefined,
    });
  });

  it('has what a Fetch request still has elsewhere', async () => {
    expect(await receive()).toMatchObject({ target: '/data?a=b', headers: [['x-b', '3']] });
  });

  it('carries the body it was given', () => {
    const body = utf8('text');
    expect(receivedMessage(post('text'), body).body).toBe(body);
  });

  it.each([
    ['a query that a URL would escape', '/data?a="<b>"', 'http://rs.example/data?a="<b>"'],
    ['an escaped path', '/d%61ta%2Fx', 'http://rs.example/d%61ta%2Fx'],
    ['a path of two slashes', '//data', 'http://rs.example//data'],
    ['a bare question mark', '/data?', 'http://rs.example/data?'],
  ])('keeps %s', async (_what, target, address) => {
    expect((await receive({ ...raw, url: target }, address)).target).toBe(target);
  });

  it.each<[string, NodeRequestLike, string, string]>([
    ['an absolute target', { ...raw, url }, url, 'target_invalid'],
    [
      'a target of another host',
      { ...raw, url: 'http://evil.example/data?a=b' },
      url,
      'target_invalid',
    ],
    ['an asterisk', { ...raw, url: '*' }, 'http://rs.example/*', 'target_invalid'],
    ['no target', { rawHeaders: [] }, 'http://rs.example/', 'target_invalid'],
    [
      'a second Host',
      { ...raw, rawHeaders: ['Host', 'rs.example', 'HOST', 'rs.example'] },
      url,
      'host_repeated',
    ],
    ['dot segments', { ...raw, url: '/x/../data?a=b' }, url, 'path_not_normal'],
    ['escaped dot segments', { ...raw, url: '/x/%2E%2e/data?a=b' }, url, 'path_not_normal'],
    [
      'a backslash',
      { ...raw, url: '/a\\data?a=b' },
      'http://rs.example/a/data?a=b',
      'path_not_normal',
    ],
    ['a fragment', { ...raw, url: '/data#x' }, 'http://rs.example/data', 'path_not_normal'],
    ['another path than was routed', { ...raw, url: '/admin?a=b' }, url, 'path_not_normal'],
  ])('with %s is refused', async (_what, incoming, address, rule) => {
    expect(await refusalOf(receive(incoming, address))).toMatchObject({
      code: 'invalid_request',
      rule,
    });
  });
});

describe('a message received over HTTP/2', () => {
  const pseudo = [':method', 'GET', ':path', '/data?a=b', ':scheme', 'https'];

  it('has its authority as Host', async () => {
    const rawHeaders = [...pseudo, ':authority', 'rs.example', 'accept', '*/*'];
    expect((await receive({ ...raw, rawHeaders })).headers).toEqual([
      ['accept', '*/*'],
      ['host', 'rs.example'],
    ]);
  });

  it('may say the same again as Host', async () => {
    const rawHeaders = [...pseudo, ':authority', 'rs.example', 'host', 'rs.example'];
    expect((await receive({ ...raw, rawHeaders })).headers).toEqual([['host', 'rs.example']]);
  });

  it('with another Host beside its authority is refused', async () => {
    const rawHeaders = [...pseudo, ':authority', 'rs.example', 'host', 'evil.example'];
    const error = await refusalOf(receive({ ...raw, rawHeaders }));
    expect(error).toMatchObject({ code: 'invalid_request', rule: 'host_repeated' });
  });
});
