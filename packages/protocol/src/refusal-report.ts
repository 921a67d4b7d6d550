import { encodeBase64Url } from '@countersign/httpsig';
import type { AAuthError } from './errors.js';
import type { Random } from './random.js';

/** Told of every request that a server refuses: the reason is here, with the id that the answer carries. */
export type OnRefused = (error: AAuthError) => void;

const ID_BYTES = 9;
/** Ids are cut from a supply: asking for random bytes takes 9 µs here, however few they are. */
const SUPPLY_BYTES = ID_BYTES * 256;

/** Makes the source of request ids: 12 characters of base64url each, nobody can guess the next. */
export function requestIds(random: Random): () => string {
  let supply = new Uint8Array();
  return () => {
    if (supply.length < ID_BYTES) supply = random(SUPPLY_BYTES);
    const id = encodeBase64Url(supply.subarray(0, ID_BYTES));
    supply = supply.subarray(ID_BYTES);
    return id;
  };
}

/**
 * Makes the function that a server reports refusals with: it gives the refusal its request id and tells the operator.
 * `newId` where the request has an id already.
 */
export function refusalReporter(
  onRefused: OnRefused | undefined,
  random: Random,
  newId: () => string = requestIds(random),
): (error: AAuthError) => void {
  return (error) => {
    attempt(() => {
      error.requestId ??= newId();
    });
    attempt(() => onRefused?.(error));
  };
}

/** The request is answered all the same when there is no randomness or the log fails. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Nobody is left to tell.
  }
}
