import { constants, type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
import type { SignatureAlgorithm } from '../algorithms.js';
import type { Bytes } from '../bytes.js';

interface Job {
  readonly key: KeyObject;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Bytes;
  readonly data: Bytes;
  readonly here: (() => boolean) | undefined;
  readonly resolve: (valid: boolean) => void;
}

/** Checks that wait for the end of this turn of the event loop, or for a place. */
const waiting: Job[] = [];
let onPool = 0;
/** Whether {@link runWaiting} has been asked for. */
let turnIsDue = false;
/** How often in a row a check was alone in its turn of the event loop. */
let aloneInARow = 0;

/**
 * Where the calling thread has a faster way of its own (`here`), so many checks of each turn are carried out there at
 * once: one takes no longer than the thread is held up by handing it to the pool and going on afterwards, and half the
 * processor time. Of what is more, the pool is given so many. With libsodium and 50 in flight that is 1.2 times what
 * either does alone; with OpenSSL on both sides it would be 0.9 times.
 */
const SHARED_TURN_CHECKS = 3;
const SHARED_POOL_CHECKS = 8;
/** How many of {@link SHARED_TURN_CHECKS} there have been in this turn. */
let hereThisTurn = 0;

/**
 * Verifies where it is fastest: a check that is alone on the calling thread, which spares the way to the thread pool
 * and back (115 µs instead of 240 µs here), several at once on the pool, which uses every core. What arrives within one
 * turn of the event loop, or while the pool is at work, counts as at once. Never throws for a bad signature.
 *
 * `here` replaces the check on the calling thread, for instance by a faster library, which then does most of them.
 */
export function verifySignature(
  key: KeyObject,
  algorithm: SignatureAlgorithm,
  signature: Bytes,
  data: Bytes,
  here?: () => boolean,
): boolean | Promise<boolean> {
  if (here !== undefined && waiting.length === 0 && hereThisTurn < SHARED_TURN_CHECKS) {
    hereThisTurn += 1;
    takeTurn();
    return here();
  }
  if (here === undefined && onPool === 0 && waiting.length === 0 && isAloneByHabit()) {
    return runHere(key, algorithm, signature, data);
  }
  return new Promise((resolve) => {
    const job = { key, algorithm, signature, data, here, resolve };
    // While the pool is at work nothing is alone: waiting for the end of the turn would only cost (0.76 of the pool's
    // own limit with 50 in flight, 0.85 without).
    if (onPool > 0 && poolTakes(job)) {
      runOnPool(job);
      return;
    }
    waiting.push(job);
    takeTurn();
  });
}

/** Waiting for the end of the turn costs 6 µs here. Where checks have come one by one, only each sixteenth looks again. */
function isAloneByHabit(): boolean {
  if (aloneInARow <= 3 || aloneInARow % 16 === 0) return false;
  aloneInARow += 1;
  return true;
}

function poolTakes({ here }: Job): boolean {
  return here === undefined || onPool < SHARED_POOL_CHECKS;
}

function takeTurn(): void {
  if (turnIsDue) return;
  turnIsDue = true;
  setImmediate(runWaiting);
}

function runWaiting(): void {
  turnIsDue = false;
  hereThisTurn = 0;
  if (waiting.length === 0) return;
  const alone = waiting.length === 1 && onPool === 0;
  aloneInARow = alone ? aloneInARow + 1 : 0;
  if (!alone) fillPool();
  for (const job of waiting.splice(0, SHARED_TURN_CHECKS)) {
    const { key, algorithm, signature, data, here, resolve } = job;
    resolve(here === undefined ? runHere(key, algorithm, signature, data) : here());
  }
  if (waiting.length > 0) takeTurn();
}

function fillPool(): void {
  for (let job = waiting[0]; job !== undefined && poolTakes(job); job = waiting[0]) {
    waiting.shift();
    runOnPool(job);
  }
}

/** How `node:crypto` is told about a key; for Ed25519 the key says it all. */
function verifyParameters(
  key: KeyObject,
  { node: { dsaEncoding, pss } }: SignatureAlgorithm,
): KeyObject | VerifyKeyObjectInput {
  if (dsaEncoding !== undefined) return { key, dsaEncoding };
  if (pss === undefined) return key;
  return {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
}

function runHere(
  key: KeyObject,
  algorithm: SignatureAlgorithm,
  signature: Bytes,
  data: Bytes,
): boolean {
  try {
    return verify(algorithm.node.digest, data, verifyParameters(key, algorithm), signature);
  } catch {
    // A signature that cannot be read is not a signature.
    return false;
  }
}

function runOnPool({ key, algorithm, data, signature, resolve }: Job): void {
  onPool += 1;
  const parameters = verifyParameters(key, algorithm);
  // V8 keeps an array of up to 64 bytes on its heap, and giving it to native code moves it to memory of its own: a copy
  // in the pool of buffers spares that, 1 µs here.
  const pooled = Buffer.from(signature);
  verify(algorithm.node.digest, data, parameters, pooled, (error, valid) => {
    onPool -= 1;
    fillPool();
    resolve(error === null && valid);
  });
}
