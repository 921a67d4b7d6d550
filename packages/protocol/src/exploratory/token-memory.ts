import { sha256Text, type VerificationKey } from '@countersign/httpsig';
import { SegmentedCache } from '../discovery/segmented-cache.js';
import type { ServerIdentifier } from '../identifiers.js';
import type { Caller } from './caller.js';

/** A token that has been verified, and what it must still hold to when it comes again. */
export interface RememberedToken {
  readonly issuer: ServerIdentifier;
  readonly kid: string;
  /** The issuer's key that verified it. */
  readonly issuerKey: VerificationKey;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly caller: Caller;
  /** The second in which its issuer, key and expiry were last looked at. */
  stoodAt: number;
}

/**
 * Tokens that one receiver has verified, by their SHA-256: a second signature check would say nothing new. Belongs to
 * one set of expectations (audience, issuers, skew) and is never shared between two.
 */
export interface TokenMemory {
  /** The SHA-256 of a token, base64url: what the other methods take. */
  hash(token: string): string | Promise<string>;
  find(hash: string): RememberedToken | undefined;
  add(hash: string, token: RememberedToken): void;
  forget(hash: string): void;
}

/** Makes a memory for at most `maxTokens` tokens; a flood of new ones does not displace those in use. */
export function createTokenMemory(maxTokens: number): TokenMemory {
  const cache = new SegmentedCache<RememberedToken>({
    maxEntries: maxTokens,
    maxCacheBytes: Number.MAX_SAFE_INTEGER,
  });
  return {
    hash: sha256Text,
    find: (hash) => cache.get(hash),
    add: (hash, token) => {
      cache.set(hash, token, 0);
    },
    forget: (hash) => {
      cache.delete(hash);
    },
  };
}
