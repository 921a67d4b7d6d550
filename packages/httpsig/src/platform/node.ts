import {
  createHash,
  createPublicKey,
  type JsonWebKey as NodeJsonWebKey,
  constants,
  type KeyObject,
  verify,
  type VerifyKeyObjectInput,
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

interface Job {
  readonly key: PublicKeyHandle;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Bytes;
  readonly data: Bytes;
  readonly resolve: (valid: boolean) => void;
}

let waiting: Job[] = [];
let onPool = 0;

/**
 * Verifies where it is fastest: a check that is alone on the main thread, which spares the way to the thread pool and
 * back (134 µs instead of 240 µs here), several at once on the pool, which uses every core. What arrives within one
 * turn of the event loop counts as at once. Never throws for a bad signature.
 */
export function verifySignature(
  key: PublicKeyHandle,
  algorithm: SignatureAlgorithm,
  signature: Bytes,
  data: Bytes,
): Promise<boolean> {
  return new Promise((resolve) => {
    if (waiting.push({ key, algorithm, signature, data, resolve }) === 1) setImmediate(runWaiting);
  });
}

function runWaiting(): void {
  const jobs = waiting;
  waiting = [];
  const [only] = jobs;
  if (jobs.length === 1 && only !== undefined && onPool === 0) runHere(only);
  else for (const job of jobs) runOnPool(job);
}

function verifyParameters({ key, algorithm }: Job): VerifyKeyObjectInput {
  const { dsaEncoding, pss } = algorithm.node;
  return {
    key,
    ...(dsaEncoding === undefined ? {} : { dsaEncoding }),
    ...(pss === undefined
      ? {}
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
  };
}

function runHere(job: Job): void {
  const { algorithm, data, signature, resolve } = job;
  let valid = false;
  try {
    valid = verify(algorithm.node.digest, data, verifyParameters(job), signature);
  } catch {
    // A signature that cannot be read is not a signature.
  }
  resolve(valid);
}

function runOnPool(job: Job): void {
  const { algorithm, data, signature, resolve } = job;
  onPool += 1;
  verify(algorithm.node.digest, data, verifyParameters(job), signature, (error, valid) => {
    onPool -= 1;
    resolve(error === null && valid);
  });
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

export async function sha512(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash('sha512').update(data).digest());
}
