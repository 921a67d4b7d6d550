/** Limits are per minute: a counter begins at its first request and ends a minute later. */
export const RATE_LIMIT_SECONDS = 60;

/** One thing that is counted. */
export interface RateLimitCounter {
  /** SHA-256 (base64url) of whom and where is counted: no address, key or name is kept. */
  readonly key: string;
  /** Requests within one minute, 1 to 2,147,483,647. */
  readonly limit: number;
  /**
   * Whose counters share a part of the store: addresses and bare keys, which cost nothing to make, or agents that have
   * been verified. Strangers cannot use up the room of agents.
   */
  readonly part: RateLimitPart;
}

export type RateLimitPart = 'strangers' | 'agents';

export type RateLimitVerdict =
  | { readonly taken: true }
  /** Nothing was counted. `retryAfterSeconds`: when the counter that is used up ends, 1 to 60. */
  | { readonly taken: false; readonly retryAfterSeconds: number };

/**
 * Counts requests (PROTOCOL section 4). One atomic operation decides: of any number of requests at once, in any number
 * of processes on the same store, no more pass than the limit.
 */
export interface RateLimitStore {
  /**
   * Counts one request on every counter, or on none when one is used up or a part is full. `now` is Unix seconds.
   * Rejects when the store cannot be reached; the request is then refused.
   */
  take(counters: readonly RateLimitCounter[], now: number): Promise<RateLimitVerdict>;
}

/** How many counters a store holds at a time. A full part refuses new ones, and forgets none before its minute is over. */
export interface RateLimitCapacity {
  /** Counters of addresses and bare keys; default 100,000. */
  readonly maxStrangers?: number;
  /** Counters of agents; default 100,000. */
  readonly maxAgents?: number;
}
