import type { SignatureAlgorithm } from '../algorithms.js';
import { type Bytes, encodeBase64Url, utf8 } from '../bytes.js';
import type { PublicJwk } from '../jwk.js';

/** A public key in the form this platform verifies with. */
export type PublicKeyHandle = CryptoKey;

/** Throws when the key cannot be imported, for instance because an EC point is not on its curve. */
export function importPublicKey(
  jwk: PublicJwk,
  algorithm: SignatureAlgorithm,
): Promise<PublicKeyHandle> {
  return crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm.importParams, true, [
    'verify',
  ]);
}

/** Imports private members that have been checked, and makes the function that signs. Rejects when they cannot be imported. */
export async function importSigner(
  material: JsonWebKey,
  algorithm: SignatureAlgorithm,
): Promise<(data: Bytes) => Promise<Bytes>> {
  const key = await crypto.subtle.importKey('jwk', material, algorithm.importParams, false, [
    'sign',
  ]);
  return async (data) => new Uint8Array(await crypto.subtle.sign(algorithm.signParams, key, data));
}

/** Never throws for a bad signature. */
export async function verifySignature(
  key: PublicKeyHandle,
  algorithm: SignatureAlgorithm,
  signature: Bytes,
  data: Bytes,
  here?: () => boolean,
): Promise<boolean> {
  if (here !== undefined) return here();
  try {
    return await crypto.subtle.verify(algorithm.signParams, key, signature, data);
  } catch {
    return false;
  }
}

/** The bytes of a text that is known to be ASCII. */
export function asciiBytes(text: string): Bytes {
  return utf8(text);
}

/** No way that every platform has. */
export const nativeBase64Url: ((bytes: Uint8Array) => string) | undefined = undefined;

/** SHA-256 of a text's UTF-8, base64url. */
export async function sha256Text(text: string): Promise<string> {
  return encodeBase64Url(await sha256(utf8(text)));
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', data as Bytes));
}

export async function sha512(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-512', data as Bytes));
}
