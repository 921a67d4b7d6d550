import { decodeBase64Url } from '@countersign/httpsig';
import type { CryptoKey, JWK } from 'jose';
import { AAuthError } from '../errors.js';
import { isJsonObject, type JsonObject, parseStrictJsonBytes } from '../json.js';
import { MAX_TOKEN_LENGTH } from '../jws.js';
import { TOKEN_TYPES } from './token-claims.js';
import {
  CONTENT_ALGORITHM,
  type EncryptionJwk,
  KEY_ALGORITHMS,
  keyAlgorithmOf,
  readEncryptionJwk,
} from './token-encryption.js';

const FORBIDDEN_HEADER = ['crit', 'zip', 'jwk', 'jku', 'x5u', 'x5c', 'p2s', 'p2c'];

/** Opens encrypted auth tokens. Only the holder of the resource's encryption keys can make one that works. */
export interface TokenOpener {
  /**
   * The signed token inside `jwe`. Throws `AAuthError` `invalid_token` for anything that is not a token encrypted to
   * one of the keys. What comes out is not verified: its signature is checked next.
   */
  open(jwe: string): Promise<string>;
  /** The first key's public half: what auth servers are asked to encrypt to. The others open what was made before. */
  readonly publicJwk: EncryptionJwk;
}

interface DecryptionKey {
  readonly publicJwk: EncryptionJwk;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

/** True for a token of five parts: a JWE, which is opened before anything else is looked at. */
export function isEncrypted(token: string): boolean {
  let dots = 0;
  for (let at = token.indexOf('.'); at >= 0 && dots < 5; at = token.indexOf('.', at + 1)) dots += 1;
  return dots === 4;
}

/**
 * Loads the private keys that auth tokens are encrypted to: a JWKS, each key with a `kid`, either an EC key (P-256,
 * P-384), an X25519 key, or RSA of 2048 to 4096 bits. Throws `AAuthError` `configuration_invalid` that names the key.
 */
export async function loadTokenOpener(value: unknown): Promise<TokenOpener> {
  if (!isJsonObject(value) || !Array.isArray(value['keys']) || value['keys'].length === 0) {
    throw new AAuthError(
      'configuration_invalid',
      'The encryption keys must be a JWKS with at least one key.',
    );
  }
  const keys = new Map<string, DecryptionKey>();
  for (const [index, jwk] of value['keys'].entries()) {
    const name = `Encryption key ${index + 1}`;
    const kid: unknown = isJsonObject(jwk) ? jwk['kid'] : undefined;
    if (!isJsonObject(jwk) || typeof kid !== 'string' || kid === '' || keys.has(kid)) {
      throw new AAuthError('configuration_invalid', `${name} needs a "kid" of its own.`);
    }
    keys.set(kid, await loadKey(jwk, name));
  }
  const [first] = keys.values();
  if (first === undefined) throw new TypeError('there is at least one key');
  return { open: (jwe) => openToken(jwe, keys), publicJwk: first.publicJwk };
}

async function loadKey(jwk: JsonObject, name: string): Promise<DecryptionKey> {
  // The private members are left out: a document with them in it is refused.
  const { kty, crv, x, y, n, e, kid, use, alg } = jwk;
  const members = Object.entries({ kty, crv, x, y, n, e, kid, use, alg });
  const publicJwk = readEncryptionJwk(
    Object.fromEntries(members.filter(([, value]) => value !== undefined)),
  );
  if (typeof publicJwk === 'string' || typeof jwk['d'] !== 'string') {
    throw new AAuthError(
      'configuration_invalid',
      `${name} must be a private EC (P-256, P-384), X25519 or RSA (2048 to 4096 bits) key for encryption.`,
    );
  }
  const algorithm = keyAlgorithmOf(publicJwk);
  // Loaded by those who have such keys: everybody else starts without it.
  const { importJWK } = await import('jose');
  try {
    const { use: _use, key_ops: _operations, ...plain } = jwk;
    return { publicJwk, algorithm, key: await importJWK(plain as JWK, algorithm) };
  } catch {
    throw new AAuthError('configuration_invalid', `${name} cannot be imported.`);
  }
}

function refuse(rule: string): never {
  throw new AAuthError(
    'invalid_token',
    'The token in Signature-Key is not valid here; ask for a new one.',
    { rule },
  );
}

async function openToken(jwe: string, keys: ReadonlyMap<string, DecryptionKey>): Promise<string> {
  if (jwe.length > MAX_TOKEN_LENGTH) refuse('token_too_large');
  const parts = jwe.split('.', 6);
  const decoded = parts.map((part) => decodeBase64Url(part));
  const [first] = decoded;
  if (parts.length !== 5 || first === undefined || decoded.includes(undefined)) {
    refuse('token_malformed');
  }
  const header = parseStrictJsonBytes(first);
  if (!isJsonObject(header) || FORBIDDEN_HEADER.some((name) => Object.hasOwn(header, name))) {
    refuse('token_header_forbidden');
  }
  if (header['typ'] !== TOKEN_TYPES.auth) refuse('token_type');
  const kid = header['kid'];
  const own = typeof kid === 'string' ? keys.get(kid) : undefined;
  if (own === undefined) refuse('encryption_kid_unknown');
  // The algorithm follows from the key, never from the token's wish.
  if (header['alg'] !== own.algorithm || header['enc'] !== CONTENT_ALGORITHM) {
    refuse('encryption_algorithm');
  }
  const { compactDecrypt } = await import('jose');
  try {
    const { plaintext } = await compactDecrypt(jwe, own.key, {
      keyManagementAlgorithms: [...KEY_ALGORITHMS],
      contentEncryptionAlgorithms: [CONTENT_ALGORITHM],
    });
    return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
  } catch {
    refuse('token_decryption');
  }
}
