import { AAuthError } from '@countersign/protocol';
import { DEFAULT_LIFETIMES, type Lifetimes } from './options.js';

const DAY = 86_400;

/** The least and the most of each, in seconds. */
const RANGES: Readonly<Record<keyof Lifetimes, readonly [number, number]>> = {
  // Resources take no token that lives longer than a day (PROTOCOL section 5.9).
  authToken: [1, DAY],
  requestToken: [1, DAY],
  code: [1, 600],
  session: [1, 366 * DAY],
  refreshIdle: [1, 3660 * DAY],
  refreshAbsolute: [1, 3660 * DAY],
};

/** Fills in the defaults and checks the ranges. Throws `configuration_invalid`. */
export function readLifetimes(given: Partial<Lifetimes> = {}): Lifetimes {
  const lifetimes = { ...DEFAULT_LIFETIMES, ...given };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = lifetimes[name as keyof Lifetimes];
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new AAuthError(
      'configuration_invalid',
      `lifetimes.${name} must be whole seconds, from ${least} to ${most}.`,
    );
  }
  return lifetimes;
}
