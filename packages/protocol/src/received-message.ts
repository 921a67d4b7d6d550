import {
  type Bytes,
  type HttpMessage,
  messageTarget,
  type NodeRequestLike,
} from '@countersign/httpsig';
import { AAuthError } from './errors.js';
import type { BodyReader, ReceivedRequest } from './received-request.js';

/** Bodies of our own endpoints: 64 KiB at most, 16 KiB at a token endpoint. */
export const TOKEN_BODY_LIMIT = 16 * 1024;

/** A Fetch request with these methods has no body, and on Node asking for it would build one. */
function isWithoutBody(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * Reads a request's body, at most `limit` bytes. Throws `AAuthError` `body_too_large` without reading further, at once
 * when `Content-Length` already says so; `invalid_request` when the body ends before it is complete; and
 * `configuration_invalid` when something else has read it before, since then nobody can say what was signed.
 *
 * The body of a GET or HEAD is read from `incoming`, Node's request: it is covered like any other (PROTOCOL section 2).
 * Where there is no such thing, one that is announced is refused with `invalid_request`.
 */
export async function readBody(
  request: ReceivedRequest,
  limit: number,
  incoming?: NodeRequestLike,
): Promise<Bytes | undefined> {
  // First what can be said from the header lines: on Node, asking the Fetch request for more would build all of it.
  if (isWithoutBody(request.method) && !announcesBody(request, incoming)) return undefined;
  if (request.bodyUsed) bodyUsed();
  const declared = Number(headerOf(request, incoming, 'content-length') ?? 0);
  const tooLarge = (): never => {
    throw new AAuthError('body_too_large', `The body may be at most ${limit} bytes long.`);
  };
  if (declared <= limit && isHeldToLength(request, incoming)) {
    const body = new Uint8Array(await request.arrayBuffer().catch(brokenOff));
    if (body.length > limit) tooLarge();
    return body.length === 0 ? undefined : body;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = bodyReader(request, incoming);
  if (reader === undefined) return undefined;
  if (declared > limit) tooLarge();
  for (;;) {
    const { done, value } = await reader.read().catch(brokenOff);
    if (done === true) break;
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      tooLarge();
    }
    chunks.push(value);
  }
  if (length === 0) {
    if (declared > 0 && isWithoutBody(request.method)) bodyUsed();
    return undefined;
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

function brokenOff(cause: unknown): never {
  throw new AAuthError('invalid_request', 'The body could not be read to its end.', {
    rule: 'body_incomplete',
    cause,
  });
}

/**
 * Whether the body cannot be longer than announced, so that it may be read in one go: Node's HTTP/1.1 server takes as many
 * bytes as `Content-Length` says and no more (RFC 9112 section 6.2).
 */
function isHeldToLength(request: ReceivedRequest, incoming: NodeRequestLike | undefined): boolean {
  return (
    incoming !== undefined &&
    !isWithoutBody(request.method) &&
    incoming.rawHeaders[0]?.startsWith(':') === false &&
    headerOf(request, incoming, 'content-length') !== undefined &&
    headerOf(request, incoming, 'transfer-encoding') === undefined
  );
}

function bodyUsed(): never {
  throw new AAuthError(
    'configuration_invalid',
    'The body was read before the request was verified: verify first, then read.',
    { rule: 'body_used' },
  );
}

function bodyReader(
  request: ReceivedRequest,
  incoming: NodeRequestLike | undefined,
): BodyReader | undefined {
  if (!isWithoutBody(request.method)) {
    return request.body?.getReader();
  }
  const iterator = incoming?.[Symbol.asyncIterator]?.();
  if (iterator === undefined) {
    throw new AAuthError('invalid_request', `Send the ${request.method} request without a body.`, {
      rule: 'body_unreadable',
    });
  }
  return {
    read: () => iterator.next() as ReturnType<BodyReader['read']>,
    cancel: async () => iterator.return?.(),
  };
}

/** HTTP/1.1 announces every body (RFC 9112 section 6.3); HTTP/2 need not, and has pseudo-header fields first. */
function announcesBody(request: ReceivedRequest, incoming: NodeRequestLike | undefined): boolean {
  return (
    headerOf(request, incoming, 'transfer-encoding') !== undefined ||
    !/^0*$/.test(headerOf(request, incoming, 'content-length') ?? '') ||
    incoming?.rawHeaders[0]?.startsWith(':') === true
  );
}

/** The path that a request was routed by: that of its URL, as a router sees it. */
export function routedPath(request: ReceivedRequest): string {
  return pathOf(messageTarget(request.url));
}

/**
 * The value of a field that a request should have once, its name in lower case: the first line's, from Node's header
 * lines where there are some. For what need not be certain: not that there is one line only, nor that it is verified.
 */
export function headerOf(
  request: ReceivedRequest,
  incoming: NodeRequestLike | undefined,
  name: string,
): string | undefined {
  if (incoming === undefined) return request.headers.get(name) ?? undefined;
  const { rawHeaders } = incoming;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const other = rawHeaders[at];
    if (other?.length === name.length && other.toLowerCase() === name) return rawHeaders[at + 1];
  }
  return undefined;
}

/**
 * The head of a request that was received: its raw target and header lines where the server keeps them (`incoming`,
 * Node's `IncomingMessage`), else what the Fetch `Request` still has. With the body it is the message to verify.
 *
 * HTTP/2 sends the authority as `:authority`: it counts as a `Host` line, and the other pseudo-header fields are left out.
 *
 * Throws `AAuthError` `invalid_request` for an absolute-form target, a second `Host` line, and a path that the server
 * has normalised before routing: what is routed must be what was signed.
 */
export function receivedHead(request: ReceivedRequest, incoming?: NodeRequestLike): HttpMessage {
  const routed = messageTarget(request.url);
  if (incoming === undefined) {
    return { method: request.method, target: routed, headers: [...request.headers] };
  }
  const { rawHeaders, url: target = '' } = incoming;
  const headers: [string, string][] = [];
  let hosts = 0;
  let authority: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') {
      // RFC 9113 section 8.3.1: `host` may say again what `:authority` says.
      if (value === authority) continue;
      hosts += 1;
    } else if (name.startsWith(':')) {
      if (name === ':authority') authority = value;
      continue;
    }
    headers.push([name, value]);
  }
  if (authority !== undefined) {
    hosts += 1;
    headers.push(['host', authority]);
  }
  if (!target.startsWith('/')) {
    throw new AAuthError('invalid_request', 'The request target must be a path.', {
      rule: 'target_invalid',
    });
  }
  if (hosts > 1) {
    throw new AAuthError('invalid_request', 'The Host header may occur only once.', {
      rule: 'host_repeated',
    });
  }
  if (pathOf(target) !== pathOf(routed)) {
    throw new AAuthError('invalid_request', 'The path must be sent in its normal form.', {
      rule: 'path_not_normal',
    });
  }
  return { method: request.method, target, headers };
}

/** {@link receivedHead} with a body that has been read. */
export function receivedMessage(
  request: ReceivedRequest,
  body: Bytes | undefined,
  incoming?: NodeRequestLike,
): HttpMessage {
  const { method, target, headers } = receivedHead(request, incoming);
  return { method, target, headers, body };
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}
