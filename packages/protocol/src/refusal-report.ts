import { encodeBase64Url } from '@countersign/httpsig';
import type { AAuthError } from './errors.js';
import type { Random } from './random.js';

/** Told of every request that a server refuses: the reason is here, with the id that the answer carries. */
export type OnRefused = (error: AAuthError) => void;

const ID_BYTES = 9;
/** Ids are cut from a supply: asking for random bytes takes 9 µs here, however few they are. */
const SUPPLY_BYTES = ID_BYTES * 256;

/** Makes the function that a server reports refusals with: it gives the refusal its request id and tells the operator. */
export function refusalReporter(
  onRefused: OnRefused | undefined,
  random: Random,
): (error: AAuthError) => void {
  let supply = new Uint8Array();
  const requestId = (): string => {
    if (supply.length < ID_BYTES) supply = random(SUPPLY_BYTES);
    const id = encodeBase64Url(supply.subarray(0, ID_BYTES));
    supply = supply.subarray(ID_BYTES);
    return id;
  };
  return (error) => {
    attempt(() => {
      error.requestId ??= requestId();
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
