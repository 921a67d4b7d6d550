import {
  decodeBase64Url,
  encodeBase64Url,
  type ResolvedKey,
  sha256,
  sha256Text,
  type VerifiedSignature,
} from '@countersign/httpsig';
import { AAuthError } from '../errors.js';
import type { ReplayStore } from '../replay/replay-store.js';
import type { Caller } from './caller.js';
import { isSafeMethod } from './signing-profile.js';

export interface ReplayCheckOptions {
  /** Where requests are remembered. */
  readonly replay: ReplayStore;
  /** Refuse requests with unsafe methods that carry no nonce. Default `false`, for peers that send none. */
  readonly requireNonce?: boolean;
}

/** At least 12 random bytes; a bound on what is worth hashing. */
const MIN_NONCE_BYTES = 12;
const MAX_NONCE_LENGTH = 256;

function refuse(message: string, rule: string): never {
  throw new AAuthError('invalid_signature', message, { rule });
}

/** Who is charged for the entry: an identity, or all bare keys together. */
function ownerOf(caller: Caller): string | undefined {
  switch (caller.kind) {
    case 'key':
      return undefined;
    case 'agent':
      return caller.agent;
    case 'token-holder':
    case 'expired-token-holder':
      return caller.token.agent;
  }
}

/** False for requests that are never remembered: safe methods without a nonce, and honest repeats under `2026-01`. */
export function mayBeReplay(
  method: string,
  { nonce, wire }: VerifiedSignature<ResolvedKey>,
  { requireNonce = false }: ReplayCheckOptions,
): boolean {
  return nonce !== undefined || (!isSafeMethod(method) && (requireNonce || wire !== '2026-01'));
}

/**
 * Refuses a nonce that is malformed, or absent where one is required. Needs no key: asked before one is looked up, so
 * that such a request causes no look-up.
 */
export function checkNonce(
  method: string,
  nonce: string | undefined,
  { requireNonce = false }: Pick<ReplayCheckOptions, 'requireNonce'>,
): void {
  if (nonce === undefined) {
    if (!requireNonce || isSafeMethod(method)) return;
    refuse('Send a Nonce header with at least 12 random bytes, and cover it.', 'nonce_required');
  }
  const bytes = nonce.length > MAX_NONCE_LENGTH ? undefined : decodeBase64Url(nonce);
  if (bytes === undefined || bytes.length < MIN_NONCE_BYTES) {
    refuse(
      'The Nonce must be at least 12 random bytes as base64url without padding.',
      'nonce_invalid',
    );
  }
}

/**
 * Refuses a request that has been accepted before (PROTOCOL section 2). To be called once the signature has verified,
 * so that nobody can burn another's nonce. A nonce is always checked; without one, a request with an unsafe method is
 * remembered by its signature base, except under `2026-01`, where honest repeats are identical.
 *
 * Throws `AAuthError`: `invalid_signature` for a replay or a malformed nonce, `too_many_requests` when the signer's part
 * of the store is full. Errors of the store are passed on.
 */
export async function checkReplay(
  method: string,
  signature: VerifiedSignature<ResolvedKey>,
  caller: Caller,
  window: { readonly now: number; readonly windowSeconds: number },
  { replay, requireNonce = false }: ReplayCheckOptions,
): Promise<void> {
  const { nonce, created, authority, base, wire } = signature;
  checkNonce(method, nonce, { requireNonce });
  if (nonce === undefined && (isSafeMethod(method) || wire === '2026-01')) return;
  const unique = nonce === undefined ? encodeBase64Url(await sha256(base)) : `nonce ${nonce}`;
  const { thumbprint } = caller.key;
  const { now, windowSeconds } = window;
  const record = {
    key: await sha256Text(`${authority}\n${thumbprint}\n${unique}`),
    owner: ownerOf(caller),
    created,
    expiresAt: created + windowSeconds + 1,
  };
  const verdict = await replay.remember(record, now);
  switch (verdict) {
    case 'fresh':
      return;
    case 'replayed':
      refuse('This request has been made before; sign it anew.', 'replayed');
      break;
    case 'before-start':
      refuse('This server has just started; sign the request anew in a minute.', 'replay_unknown');
      break;
    case 'full':
      throw new AAuthError('too_many_requests', 'Too many requests in a short time; slow down.', {
        rule: 'replay_store_full',
        // Then all are gone that were signed up to now.
        retryAfterSeconds: windowSeconds + 1,
      });
  }
}
