/**
 * What a resource remembers of visits (PROTOCOL section 5.11): requests that wait for a person, visits on their way,
 * codes, connections. Keys are hashes of secrets; values are encrypted before they get here.
 */
export interface InteractionRecord {
  readonly key: string;
  /** Whose part of the store it counts towards. */
  readonly owner: string;
  /** An encryption that is never the same twice, so that equal values are the same state. */
  readonly value: string;
  /** Unix seconds from which on it no longer exists. */
  readonly expiresAt: number;
  /** `pending` for everything that ends within minutes, `connection` for what stays. */
  readonly kind: 'pending' | 'connection';
}

/** How many live records there may be. A full part refuses; it never forgets. */
export interface InteractionLimit {
  /** Of this kind and owner. */
  readonly perOwner: number;
  /** Of this kind in all. */
  readonly total: number;
}

/** Each operation is atomic. `now` is Unix seconds; what has expired by then is not there. */
export interface InteractionStore {
  /** Keeps a record, in place of one with the same key; false when that would exceed the limit. */
  put(record: InteractionRecord, limit: InteractionLimit, now: number): Promise<boolean>;
  /** The value under a key. */
  find(key: string, now: number): Promise<string | undefined>;
  /** Puts `next` in place of `expected`, which must still be there; of many callers one succeeds. The end stays. */
  replace(key: string, expected: string, next: string, now: number): Promise<boolean>;
  /** Removes the record while its value is `expected`; of many callers one succeeds. */
  take(key: string, expected: string, now: number): Promise<boolean>;
}

/** Seconds between removals of what has expired, and how much is removed at a time. */
export const SWEEP_SECONDS = 5;
export const SWEEP_BATCH = 1000;
