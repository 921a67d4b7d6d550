import type { AAuthError } from './errors.js';
import { type Random, randomSecret } from './random.js';

/** Told of every request that a server refuses: the reason is here, with the id that the answer carries. */
export type OnRefused = (error: AAuthError) => void;

const REQUEST_ID_BITS = 72;

/**
 * Makes the function that a server reports refusals with: it gives the refusal its request id and tells the operator.
 */
export function refusalReporter(
  onRefused: OnRefused | undefined,
  random: Random,
): (error: AAuthError) => void {
  return (error) => {
    attempt(() => {
      error.requestId ??= randomSecret(random, REQUEST_ID_BITS);
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
