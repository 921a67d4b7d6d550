import { generatePrivateJwk } from '@countersign/httpsig';
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
