import {
  importSigningKey,
  type PublicJwk,
  SignatureError,
  type SigningKey,
} from '@countersign/httpsig';
import { AAuthError } from './errors.js';
import { isJsonObject } from './json.js';

/** A signing key with the `kid` it is published under. */
export interface PublishedKey extends SigningKey {
  readonly kid: string;
}

/** The keys of one server: the one it signs with, and everything it publishes. */
export interface KeySet {
  /** The key that new signatures and tokens are made with. */
  readonly current: PublishedKey;
  /** The public JWKS, current key first. */
  readonly jwks: { readonly keys: readonly PublicJwk[] };
}

/**
 * Loads a keys file's content: a JWKS with private members. The first key signs; all are published.
 * Throws {@link AAuthError} `configuration_invalid` for an empty set, a key without `kid`, a `kid` used twice, or a
 * key that is malformed, weak or not private. Says which key, never its value.
 */
export async function loadKeySet(value: unknown): Promise<KeySet> {
  if (!isJsonObject(value) || !Array.isArray(value['keys']) || value['keys'].length === 0) {
    throw new AAuthError('configuration_invalid', 'The keys must be a JWKS with at least one key.');
  }
  const keys: PublishedKey[] = [];
  for (const [index, jwk] of value['keys'].entries()) {
    const kid: unknown = isJsonObject(jwk) ? jwk['kid'] : undefined;
    if (typeof kid !== 'string' || kid === '') {
      throw new AAuthError('configuration_invalid', `Key ${index + 1} of the keys has no "kid".`);
    }
    try {
      keys.push({ ...(await importSigningKey(jwk)), kid });
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      throw new AAuthError(
        'configuration_invalid',
        `Key ${index + 1} of the keys: ${error.message}`,
      );
    }
  }
  const [current] = keys;
  if (current === undefined || new Set(keys.map(({ kid }) => kid)).size !== keys.length) {
    throw new AAuthError('configuration_invalid', 'Two of the keys have the same "kid".');
  }
  return { current, jwks: { keys: keys.map(({ publicJwk }) => publicJwk) } };
}
