import { isIPv6 } from 'node:net';
import type { LookupFunction } from 'node:net';
import type { Client, Dispatcher } from 'undici';
import { createAddressGuard, type Target } from '../discovery/address-guard.js';
import {
  type DocumentFetch,
  type DocumentFetchOptions,
  type FetchedDocument,
  type GuardOptions,
  HostRefused,
} from '../discovery/document-fetch.js';
import { resolveByDns, resolveBySystem, type Resolve } from './resolve.js';

/** Addresses of one name that are tried, so that a name cannot make us knock on many doors. */
const MAX_ADDRESSES = 8;

/** How long one address of several may take before the next is tried beside it. Milliseconds. */
const ATTEMPT_MS = 500;

/** What a test may put in the place of the world. Not for programs. */
export interface GuardedFetchInternals {
  /** Resolves names instead of DNS and the machine's resolver. */
  readonly resolve?: Resolve;
  /** Certificate authorities (PEM) instead of the platform's. */
  readonly certificateAuthorities?: string;
}

/**
 * The guarded GET on Node. A literal address is judged before anything else, because no lookup is made for it; the
 * addresses of a name are resolved once, all judged, and the connection is made to those very addresses, so that it
 * does not matter what the name resolves to a moment later. Each request has a connection of its own, which is gone
 * when the answer is, so that nothing is left that could keep a process alive.
 */
export function createGuardedFetch(
  options: GuardOptions,
  internals: GuardedFetchInternals = {},
): DocumentFetch {
  const guard = createAddressGuard(options);
  return async (url, request) => {
    const target = guard(url);
    // Loaded when it is first needed: a tenth of a second that programs which fetch nothing should not wait for.
    const undici = await import('undici');
    const abort = new AbortController();
    const { signal } = abort;
    const timer = setTimeout(
      () => abort.abort(new HostRefused('deadline passed')),
      request.deadlineMs,
    );
    let client: Client | undefined;
    try {
      const addresses = target.literal ? [] : await resolve(target, signal, internals.resolve);
      client = new undici.Client(target.url.origin, {
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
        headersTimeout: request.deadlineMs,
        bodyTimeout: request.deadlineMs,
        connect: {
          lookup: pinned(addresses),
          // The signal ends an attempt at the deadline: no second timer.
          timeout: 0,
          signal,
          ...(internals.certificateAuthorities === undefined
            ? {}
            : { ca: internals.certificateAuthorities }),
        },
      });
      return await get(client, target.url, request, signal);
    } catch (error) {
      // Whatever the abort made of it: the deadline is the reason.
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(timer);
      abort.abort();
      client?.destroy().catch(() => undefined);
    }
  };
}

/** The addresses of a name, every one of them judged. */
async function resolve(
  target: Target,
  signal: AbortSignal,
  injected: Resolve | undefined,
): Promise<readonly string[]> {
  const how = injected ?? (target.local ? resolveBySystem : resolveByDns);
  const addresses = await how(target.url.hostname, signal);
  signal.throwIfAborted();
  if (addresses.length === 0) throw new HostRefused('name without address');
  for (const address of addresses) target.checkAddress(address);
  return addresses.slice(0, MAX_ADDRESSES);
}

/** A lookup that knows one answer. */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_hostname, options, callback) => {
    const [first] = all;
    if (first === undefined) callback(new HostRefused('lookup for a literal address'), []);
    else if (options.all === true) callback(null, all);
    else callback(null, first.address, first.family);
  };
}

async function get(
  client: Client,
  url: URL,
  { accept, maxBytes }: DocumentFetchOptions,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  const { statusCode, headers, body } = await client.request({
    method: 'GET',
    path: `${url.pathname}${url.search}`,
    headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'countersign' },
    reset: true,
    signal,
  });
  // An abandoned body reports that it was abandoned; nobody is listening.
  body.on('error', () => undefined);
  if (statusCode >= 300 && statusCode < 400) throw new HostRefused('redirect');
  const { 'content-type': type, 'content-encoding': encoding, 'cache-control': control } = headers;
  if (encoding !== undefined && encoding !== 'identity') throw new HostRefused('encoded body');
  return {
    status: statusCode,
    contentType: typeof type === 'string' ? type : undefined,
    cacheControl: Array.isArray(control) ? control.join(', ') : control,
    body: statusCode === 200 ? await readBody(body, maxBytes) : new Uint8Array(),
  };
}

async function readBody(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new HostRefused('body too large');
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks, length));
}
