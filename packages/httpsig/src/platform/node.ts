import {
  createHash,
  createPublicKey,
  type JsonWebKey as NodeJsonWebKey,
  constants,
  type KeyObject,
  verify,
} from 'node:crypto';
import type { SignatureAlgorithm } from '../algorithms.js';
import type { Bytes } from '../bytes.js';
import type { PublicJwk } from '../jwk.js';

/** A public key in the form this platform verifies with. */
export type PublicKeyHandle = KeyObject;

/** Throws when the key cannot be imported, for instance because an EC point is not on its curve. */
export async function importPublicKey(
  jwk: PublicJwk,
  _algorithm: SignatureAlgorithm,
): Promise<PublicKeyHandle> {
  return createPublicKey({ key: jwk as NodeJsonWebKey, format: 'jwk' });
}

/** Verifies on the thread pool, so that many checks in flight use every core. Never throws for a bad signature. */
export function verifySignature(
  key: PublicKeyHandle,
  algorithm: SignatureAlgorithm,
  signature: Bytes,
  data: Bytes,
): Promise<boolean> {
  const { digest, dsaEncoding, pss } = algorithm.node;
  const options = {
    key,
    ...(dsaEncoding === undefined ? {} : { dsaEncoding }),
    ...(pss === undefined
      ? {}
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
  };
  return new Promise((resolve) => {
    verify(digest, data, options, signature, (error, valid) => {
      resolve(error === null && valid);
    });
  });
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

export async function sha512(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha512').update(data).digest());
}
