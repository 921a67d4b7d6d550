import sodium from 'sodium-native';
import { decodeBase64Url } from './bytes.js';
import type { SignatureVerifier, VerificationKey } from './keys.js';

/**
 * Verifies Ed25519 with libsodium, which takes about half the time that OpenSSL takes, on the thread that asks. Other
 * algorithms are left to the platform. Needs the optional peer `sodium-native`.
 */
export function sodiumVerifier(): SignatureVerifier {
  const raw = new WeakMap<VerificationKey, Buffer>();
  const rawKey = (key: VerificationKey): Buffer => {
    const known = raw.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.from(key.jwk.kty === 'OKP' ? (decodeBase64Url(key.jwk.x) ?? []) : []);
    raw.set(key, bytes);
    return bytes;
  };
  return (key, signature, data) => {
    if (key.algorithm.name !== 'ed25519') return key.verify(signature, data);
    if (signature.length !== sodium.crypto_sign_BYTES) return false;
    return key.verify(signature, data, () =>
      sodium.crypto_sign_verify_detached(asBuffer(signature), asBuffer(data), rawKey(key)),
    );
  };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
