import {
  generatePrivateJwk,
  importVerificationKey,
  type VerificationKey,
} from '@countersign/httpsig';
import { type KeySet, loadKeySet } from '@countersign/protocol';
import type { Storage } from './storage/index.js';

/**
 * The server's signing keys from its storage, made at first start: Ed25519, `kid` the given one or the thumbprint.
 * Processes that start at once agree on one key.
 */
export async function loadSigningKeys(
  storage: Storage,
  now: number,
  kid: string | undefined,
): Promise<KeySet> {
  const known = await storage.signingKeys.list();
  if (known.length === 0) {
    const privateJwk = await generatePrivateJwk(kid === undefined ? {} : { kid });
    await storage.signingKeys.insertIfNone({
      kid: privateJwk.kid,
      algorithm: 'ed25519',
      privateJwk: { ...privateJwk },
      createdAt: now,
    });
  }
  const keys = await storage.signingKeys.list();
  return await loadKeySet({ keys: keys.map(({ privateJwk }) => privateJwk) });
}

/** Finds a key of the server's own by `kid`, importing each once: its own tokens come back in exchanges. */
export function ownKeys({ jwks }: KeySet): (kid: string) => Promise<VerificationKey | undefined> {
  const imported = new Map<string, Promise<VerificationKey>>();
  return async (kid) => {
    const jwk = jwks.keys.find((one) => one.kid === kid);
    if (jwk === undefined) return undefined;
    const key = imported.get(kid) ?? importVerificationKey(jwk);
    imported.set(kid, key);
    return await key;
  };
}
