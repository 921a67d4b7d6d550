/** A request that has been verified and must not be accepted again. */
export interface ReplayRecord {
  /** SHA-256 (base64url) of what makes the request unique: its authority, key and nonce, or its signature base. */
  readonly key: string;
  /** The identity that signed; `undefined` for a bare key. All bare keys share one part of the store. */
  readonly owner: string | undefined;
  /** The signature's `created`, Unix seconds. */
  readonly created: number;
  /** From then on, Unix seconds, the request would be refused as stale and may be forgotten. */
  readonly expiresAt: number;
}

export type ReplayVerdict =
  /** Not seen before; remembered now. */
  | 'fresh'
  /** Seen before. */
  | 'replayed'
  /** The part of the store for this signer is full. It refuses and never forgets. */
  | 'full'
  /** Made so early that it may have been accepted before this store began to remember. */
  | 'before-start';

/**
 * Remembers requests until they are stale (PROTOCOL section 2). One atomic operation decides: of any number of equal
 * requests at once, in any number of processes on the same store, one is fresh.
 */
export interface ReplayStore {
  /** Rejects when the store cannot be reached; the request is then refused. */
  remember(record: ReplayRecord, now: number): Promise<ReplayVerdict>;
}

/** How much a store holds. A full part refuses. */
export interface ReplayLimits {
  /** Entries of all identities together; default 1,000,000. */
  readonly maxEntries?: number;
  /** Entries of one identity; default 50,000. */
  readonly maxEntriesPerIdentity?: number;
  /** Entries of all bare keys together; default 50,000. */
  readonly maxPseudonymousEntries?: number;
}
