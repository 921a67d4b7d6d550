import {
  createHash,
  createPublicKey,
  hash,
  type JsonWebKey as NodeJsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { SignatureAlgorithm } from '../algorithms.js';
import type { Bytes } from '../bytes.js';
import type { PublicJwk } from '../jwk.js';

export { verifySignature } from './check-schedule.js';

/** A public key in the form this platform verifies with. */
export type PublicKeyHandle = KeyObject;

/** Throws when the key cannot be imported, for instance because an EC point is not on its curve. */
export async function importPublicKey(
  jwk: PublicJwk,
  _algorithm: SignatureAlgorithm,
): Promise<PublicKeyHandle> {
  return createPublicKey({ key: jwk as NodeJsonWebKey, format: 'jwk' });
}

/** SHA-256 of a text's UTF-8, base64url: in one call, which is twice as fast for short texts. */
export function sha256Text(text: string): string | Promise<string> {
  return hash('sha256', text, 'base64url');
}

/** The bytes of a text that is known to be ASCII: three times as fast as encoding UTF-8. */
export function asciiBytes(text: string): Bytes {
  return Buffer.from(text, 'latin1');
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

export async function sha512(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha512').update(data).digest());
}
