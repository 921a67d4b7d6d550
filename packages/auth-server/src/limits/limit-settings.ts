import { AAuthError } from '@countersign/protocol';
import { SIGN_IN_LIMITS } from '../accounts/index.js';

/**
 * How much is taken within a window: see `docs/operating.md`, "Limits". All are shared by every process on the
 * database, and each counts by itself.
 */
export interface Limits {
  /**
   * Token requests of one agent within a minute, its delegates included; default 6,000, 10 to 100,000,000. A code or a
   * refresh token counts one, a request for access two, an exchange three, as they cost signature checks.
   */
  readonly agentRequests: number;
  /** Questions to people that one agent may raise within a minute; default 600, 1 to 100,000,000. */
  readonly agentQuestions: number;
  /** How often a person may deny one agent within an hour before it is not asked for any more; default 3, 1 to 1,000. */
  readonly denials: number;
  /**
   * Token requests from one address within a minute that do not prove an agent; default 300, 1 to 100,000,000. Ten times
   * as many where that signer has proved itself from that address before.
   */
  readonly unprovenRequests: number;
  /** Hosts that requests from one address, before their signature is verified, may make us ask within a minute; default 20, 1 to 100,000,000. */
  readonly addressHosts: number;
  /** Hosts that the requests of one agent may make us ask within a minute; default 300, 1 to 100,000,000. */
  readonly agentHosts: number;
  /** Hosts that all requests whose signature has not been verified may make us ask within a minute; default 1,500, 1 to 100,000,000. */
  readonly strangerHosts: number;
  /** Requests to the pages from one address within a minute; default 600, 1 to 100,000,000. Ten times as many for a browser that is signed in. */
  readonly pageRequests: number;
  /** Failed sign-ins at one account from one address, or one browser, in a quarter of an hour; default 10, 1 to 10,000. */
  readonly signInFailures: number;
  /** Failed sign-ins from one address at all accounts in a quarter of an hour; default 50, 1 to 10,000. */
  readonly addressSignInFailures: number;
  /**
   * Failed sign-ins at one account from all addresses that the person has not used within 30 days, in a quarter of an hour;
   * default 100, 1 to 10,000.
   */
  readonly accountSignInFailures: number;
}

export type LimitName = keyof Limits;

export const DEFAULT_LIMITS: Limits = {
  agentRequests: 6000,
  agentQuestions: 600,
  denials: 3,
  unprovenRequests: 300,
  addressHosts: 20,
  agentHosts: 300,
  strangerHosts: 1500,
  pageRequests: 600,
  signInFailures: SIGN_IN_LIMITS.perAccountAndAddress,
  addressSignInFailures: SIGN_IN_LIMITS.perAddress,
  accountSignInFailures: SIGN_IN_LIMITS.perAccount,
};

const MOST = 100_000_000;
/** All failures within the window are looked at, for each attempt. */
const MOST_FAILURES = 10_000;

const RANGES: Readonly<Record<LimitName, readonly [number, number]>> = {
  agentRequests: [10, MOST],
  agentQuestions: [1, MOST],
  denials: [1, 1000],
  unprovenRequests: [1, MOST],
  addressHosts: [1, MOST],
  agentHosts: [1, MOST],
  strangerHosts: [1, MOST],
  pageRequests: [1, MOST],
  signInFailures: [1, MOST_FAILURES],
  addressSignInFailures: [1, MOST_FAILURES],
  accountSignInFailures: [1, MOST_FAILURES],
};

/**
 * Fills in the defaults; what is named in `withoutLimits` becomes infinite. Throws `AAuthError` `configuration_invalid` for
 * a number out of its range and for a name that is none.
 */
export function readLimits(
  given: Partial<Limits> = {},
  withoutLimits: readonly LimitName[] = [],
): Limits {
  for (const name of [...Object.keys(given), ...withoutLimits]) {
    if (name in RANGES) continue;
    throw new AAuthError(
      'configuration_invalid',
      `There is no limit called ${name}: there are ${Object.keys(RANGES).join(', ')}.`,
    );
  }
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = limits[name as LimitName];
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new AAuthError(
      'configuration_invalid',
      `limits.${name} must be a whole number, from ${least} to ${most}; name it in withoutLimits to have none.`,
    );
  }
  return { ...limits, ...Object.fromEntries(withoutLimits.map((name) => [name, Infinity])) };
}
