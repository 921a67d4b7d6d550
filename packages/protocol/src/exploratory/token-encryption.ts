import {
  decodeBase64Url,
  parsePublicJwk,
  type PublicJwk,
  SignatureError,
  utf8,
} from '@countersign/httpsig';
import { isJsonObject, type JsonObject } from '../json.js';
import { TOKEN_TYPES } from './token-claims.js';

/** How tokens are encrypted to a resource (PROTOCOL section 3). */
export const KEY_ALGORITHMS = ['ECDH-ES+A256KW', 'RSA-OAEP-256'] as const;
export const CONTENT_ALGORITHM = 'A256GCM';

/** A public key that tokens are encrypted to, with the `kid` by which its owner knows it. */
export type EncryptionJwk = PublicJwk & { readonly kid: string };

/** Members of a private or symmetric key. Whoever publishes one has given it away. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * The u coordinates of small order on curve25519 (RFC 7748 section 6.1), little-endian hex: with them the shared secret
 * is zero whatever the sender's key, so that anybody could open what is encrypted to them.
 */
const SMALL_ORDER_U = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** The one key management algorithm of a key. It follows from the key and is never chosen by a message. */
export function keyAlgorithmOf(jwk: EncryptionJwk): (typeof KEY_ALGORITHMS)[number] {
  return jwk.kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW';
}

/**
 * Reads a public encryption JWK: EC (P-256, P-384), X25519, or RSA of 2048 to 4096 bits, with a `kid`, in canonical
 * spelling, for encryption if it says what for. Returns its public members, or the name of the rule it breaks:
 * `encryption_key_…` `invalid`, `private`, `unsupported`, `weak`. Does not check that an EC point lies on its curve:
 * {@link encryptToken} does.
 */
export function readEncryptionJwk(value: unknown): EncryptionJwk | string {
  if (!isJsonObject(value)) return 'encryption_key_invalid';
  const { kid, use, alg, kty, crv } = value;
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(value, name))) return 'encryption_key_private';
  if (typeof kid !== 'string' || kid === '' || kid.length > 256) return 'encryption_key_invalid';
  if (use !== undefined && use !== 'enc') return 'encryption_key_unsupported';
  const jwk = kty === 'OKP' ? readX25519(value, kid, crv) : readShared(value, kid);
  if (typeof jwk === 'string') return jwk;
  return alg === undefined || alg === keyAlgorithmOf(jwk) ? jwk : 'encryption_key_unsupported';
}

function readX25519(value: JsonObject, kid: string, crv: unknown): EncryptionJwk | string {
  const { x } = value;
  if (crv !== 'X25519') return 'encryption_key_unsupported';
  const bytes = typeof x === 'string' && x.length <= 64 ? decodeBase64Url(x) : undefined;
  if (typeof x !== 'string' || bytes?.length !== 32) return 'encryption_key_invalid';
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // From 2^255 - 19 on, and with the top bit set, a number is a second spelling of a smaller one.
  if (/^e[d-f]f{60}7f$/.test(hex) || (bytes[31] ?? 0) >= 0x80) return 'encryption_key_invalid';
  return SMALL_ORDER_U.has(hex) ? 'encryption_key_weak' : { kty: 'OKP', crv, x, kid };
}

/** Key types that also sign: read by the same rules, without the members that say what for. */
function readShared(value: JsonObject, kid: string): EncryptionJwk | string {
  const { kty, crv, x, y, n, e } = value;
  const members = Object.entries({ kty, crv, x, y, n, e, kid });
  try {
    const { jwk } = parsePublicJwk(
      Object.fromEntries(members.filter(([, member]) => member !== undefined)),
    );
    return { ...jwk, kid };
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    return error.rule === 'key_weak' || error.rule === 'key_unsupported'
      ? `encryption_${error.rule}`
      : 'encryption_key_invalid';
  }
}

/**
 * Encrypts a signed auth token to a resource (PROTOCOL section 3): a compact JWE of `typ` `auth+jwt` under the key's
 * `kid`. Rejects for a key that cannot be used, such as an EC point that is not on its curve. Does not check the length
 * of the result.
 */
export async function encryptToken(token: string, jwk: EncryptionJwk): Promise<string> {
  // Loaded by those who encrypt: everybody else starts without it.
  const { CompactEncrypt, importJWK } = await import('jose');
  const alg = keyAlgorithmOf(jwk);
  return await new CompactEncrypt(utf8(token))
    .setProtectedHeader({ alg, enc: CONTENT_ALGORITHM, typ: TOKEN_TYPES.auth, kid: jwk.kid })
    .encrypt(await importJWK({ ...jwk }, alg));
}

/** Whether tokens can really be encrypted to the key: by doing it once. */
export async function canEncryptTo(jwk: EncryptionJwk): Promise<boolean> {
  try {
    await encryptToken('', jwk);
    return true;
  } catch {
    return false;
  }
}

/** A new private key (P-256) for a resource to have its tokens encrypted to, as `loadTokenOpener` takes it. */
export async function generateEncryptionJwk(options: {
  readonly kid: string;
}): Promise<JsonObject> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, [
    'deriveBits',
  ]);
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  return { kty, crv, x, y, d, kid: options.kid, use: 'enc' };
}
