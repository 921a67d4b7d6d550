/** How many failed attempts are allowed within a window. */
export interface AttemptLimits {
  readonly windowSeconds: number;
  /** From one address at one account. */
  readonly perAccountAndAddress: number;
  /** From one address at all accounts together. */
  readonly perAddress: number;
  /** At one account from all addresses together, those left out from which the person signed in before. */
  readonly perAccount: number;
  /** For how long such an address is remembered. */
  readonly knownAddressSeconds: number;
}

export interface AttemptSource {
  /** Stands for the account; opaque to the store. */
  readonly account: string;
  readonly address: string;
}

export type AttemptAdmission =
  { readonly allowed: true } | { readonly allowed: false; readonly retryAfterSeconds: number };

export interface SignInAttemptStore {
  /**
   * Admits an attempt and counts it as failed, in one transaction and before any password is hashed: so attempts made
   * at the same time cannot all find the counter low. An attempt that is not admitted is not counted.
   */
  begin(
    attempt: AttemptSource & { readonly now: number; readonly limits: AttemptLimits },
  ): Promise<AttemptAdmission>;
  /** Whether the person has signed in from there after `now`. */
  knows(attempt: AttemptSource & { readonly now: number }): Promise<boolean>;
  /** The attempt succeeded: forgets the failures from this address at this account, and remembers the address. */
  succeed(attempt: AttemptSource & { readonly now: number }): Promise<void>;
}
