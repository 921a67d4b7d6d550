import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { LookupFunction } from 'node:net';
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

/** Options of a connection, which those of a request are too: how long an address may take before the next is tried. */
const ADDRESS_AFTER_ADDRESS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 500 };

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
    const abort = new AbortController();
    const { signal } = abort;
    const timer = setTimeout(
      () => abort.abort(new HostRefused('deadline passed')),
      request.deadlineMs,
    );
    try {
      const addresses = target.literal ? [] : await resolve(target, signal, internals.resolve);
      return await get(target.url, { ...request, ...internals, addresses, signal });
    } catch (error) {
      // Whatever the abort made of it: the deadline is the reason.
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(timer);
      // Also lets go of an answer that was not read to its end.
      abort.abort();
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

interface Get extends Pick<DocumentFetchOptions, 'accept' | 'maxBytes'> {
  readonly addresses: readonly string[];
  readonly signal: AbortSignal;
  readonly certificateAuthorities?: string;
}

async function get(url: URL, options: Get): Promise<FetchedDocument> {
  const answer = await open(url, options);
  const { statusCode: status = 0, headersDistinct } = answer;
  if (status >= 300 && status < 400) throw new HostRefused('redirect');
  const { 'content-type': types, 'content-encoding': encodings = [] } = headersDistinct;
  if (encodings.some((one) => one !== 'identity')) throw new HostRefused('encoded body');
  return {
    status,
    contentType: types?.length === 1 ? types[0] : undefined,
    cacheControl: headersDistinct['cache-control']?.join(', '),
    body: status === 200 ? await readBody(answer, options.maxBytes) : new Uint8Array(),
  };
}

/** The answer, once its head has come. Each has a connection of its own. */
async function open(url: URL, options: Get): Promise<IncomingMessage> {
  const { accept, addresses, certificateAuthorities: ca, signal } = options;
  const { request } = await (url.protocol === 'https:'
    ? import('node:https')
    : import('node:http'));
  return await new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'countersign' },
      lookup: pinned(addresses),
      ...ADDRESS_AFTER_ADDRESS,
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    asked.once('response', (answer: IncomingMessage) => {
      // An abandoned body reports that it was abandoned; nobody is listening.
      answer.on('error', () => undefined);
      resolve(answer);
    });
    asked.on('error', reject);
    asked.once('close', () => {
      reject(new HostRefused('connection closed'));
    });
    asked.end();
  });
}

async function readBody(
  answer: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new HostRefused('body too large');
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks, length));
}
