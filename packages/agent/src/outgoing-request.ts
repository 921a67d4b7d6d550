import type { Bytes } from '@countersign/httpsig';
import {
  AAuthError,
  type IdentifierOptions,
  INTERACTION_CODE,
  INTERACTION_SESSION,
  isServerIdentifier,
  parseUrl,
} from '@countersign/protocol';
import type { OutgoingRequest } from './signer.js';

/** A caller's request, read once, with what goes beside it to the transport. */
export interface ReadRequest {
  readonly request: OutgoingRequest;
  readonly signal: AbortSignal | undefined;
  readonly redirectMode: RequestRedirect;
  /** The remaining members of `init`, passed on to the transport as they are (`dispatcher`, `keepalive`, …). */
  readonly passedOn: RequestInit;
}

/** Headers that signing owns: a caller's own would be covered, replaced or contradict what is sent. */
const OWNED = [
  'signature',
  'signature-input',
  'signature-key',
  'nonce',
  'content-digest',
  INTERACTION_CODE,
  INTERACTION_SESSION,
];

/**
 * Reads what the caller passed to `fetch`, exactly once: whatever the body was (stream, Blob, FormData, …), it is
 * bytes from here on, so that digest, retry and redirect send the same ones.
 *
 * Throws `configuration_invalid` for an address that may not be called or a header that signing owns,
 * `body_too_large` beyond `maxBodyBytes`, and what `new Request` throws.
 */
export async function readOutgoing(
  input: string | URL | Request,
  init: RequestInit | undefined,
  limits: IdentifierOptions & { readonly maxBodyBytes: number },
): Promise<ReadRequest> {
  const address = checkAddress(input instanceof Request ? input.url : String(input), limits);
  // Node's `fetch` asks for `duplex` when the body is a stream; the DOM types do not know it.
  const duplex = { duplex: 'half' } as RequestInit;
  const source = new Request(input instanceof Request ? input : address, { ...duplex, ...init });
  const owned = OWNED.find((name) => source.headers.has(name));
  if (owned !== undefined) {
    throw new AAuthError(
      'configuration_invalid',
      `Leave out the ${owned} header: signing the request sets it.`,
    );
  }
  const body = await readBody(source, limits.maxBodyBytes);
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  const {
    method: _method,
    headers: _headers,
    body: _body,
    signal: _signal,
    redirect: _redirect,
    ...passedOn
  } = init ?? {};
  return {
    request: { url: address, method: source.method, headers: new Headers(source.headers), body },
    signal: signal ?? undefined,
    redirectMode: source.redirect,
    passedOn: withoutDuplex(passedOn),
  };
}

function withoutDuplex(init: RequestInit): RequestInit {
  const { duplex: _duplex, ...rest } = init as RequestInit & { duplex?: unknown };
  return rest;
}

/** The address as it will be sent: no fragment, no bare `?`. */
function checkAddress(address: string, options: IdentifierOptions): string {
  const url = parseUrl(address);
  const where = url === undefined ? 'Not an absolute address' : `${url.protocol}//${url.host}`;
  if (url === undefined || !isServerIdentifier(url.origin, options)) {
    throw new AAuthError(
      'configuration_invalid',
      `${where} cannot be called: an agent calls https addresses, and http on a loopback host only with ` +
        'insecureLoopback.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new AAuthError(
      'configuration_invalid',
      'The address must not carry a user name or password.',
    );
  }
  url.hash = '';
  if (url.search === '') url.search = '';
  return url.href;
}

async function readBody(source: Request, maxBytes: number): Promise<Bytes | undefined> {
  if (source.body === null) return undefined;
  const bytes = await readLimited(source.body, maxBytes);
  if (bytes === undefined) {
    const text = `The request body is longer than ${maxBytes} bytes.`;
    throw new AAuthError('body_too_large', text, { refusedBy: 'agent' });
  }
  return bytes.length === 0 ? undefined : bytes;
}

/** Reads a stream to its end; `undefined`, with the stream cancelled, once it is longer than `maxBytes`. */
export async function readLimited(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Bytes | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
