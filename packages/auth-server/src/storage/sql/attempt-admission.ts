import type { AttemptAdmission, AttemptLimits, AttemptSource } from '../sign-in-attempts.js';

/** Failures of one second from one address at one account. */
export interface FailureCount extends AttemptSource {
  readonly attemptedAt: number;
  readonly failures: number;
}

export interface AttemptFacts {
  readonly attempt: AttemptSource & { readonly now: number };
  readonly limits: AttemptLimits;
  /** Everything within the window at this account or from this address. */
  readonly failures: readonly FailureCount[];
  /** Addresses from which this account has signed in. */
  readonly knownAddresses: ReadonlySet<string>;
}

/**
 * Whether another attempt is allowed, and if not, when. From an address where the person has signed in before, the
 * account's overall limit does not count: otherwise anybody who knows the name could keep the person out by failing
 * elsewhere.
 */
export function admitAttempt({
  attempt,
  limits,
  failures,
  knownAddresses,
}: AttemptFacts): AttemptAdmission {
  const { account, address, now } = attempt;
  const ofAccount = failures.filter((one) => one.account === account);
  const ofAddress = failures.filter((one) => one.address === address);
  const ofBoth = ofAccount.filter((one) => one.address === address);
  const fromElsewhere = ofAccount.filter((one) => !knownAddresses.has(one.address));
  const waits = [
    wait(ofBoth, limits.perAccountAndAddress, limits.windowSeconds, now),
    wait(ofAddress, limits.perAddress, limits.windowSeconds, now),
    knownAddresses.has(address)
      ? 0
      : wait(fromElsewhere, limits.perAccount, limits.windowSeconds, now),
  ];
  const retryAfterSeconds = Math.max(...waits);
  return retryAfterSeconds === 0 ? { allowed: true } : { allowed: false, retryAfterSeconds };
}

/** Seconds until enough failures have left the window; 0 when there are fewer than `limit` in it now. */
function wait(
  failures: readonly FailureCount[],
  limit: number,
  windowSeconds: number,
  now: number,
): number {
  const latestFirst = failures.toSorted((a, b) => b.attemptedAt - a.attemptedAt);
  let seen = 0;
  for (const one of latestFirst) {
    seen += one.failures;
    if (seen >= limit) return Math.max(one.attemptedAt + windowSeconds - now, 1);
  }
  return 0;
}
