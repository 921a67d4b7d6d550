import type { JsonObject } from '@countersign/protocol';

/** A key of the server's. Which one signs and which are published follows from all of them and the time. */
export interface SigningKeyRecord {
  readonly kid: string;
  /** A name of the signature algorithms. */
  readonly algorithm: string;
  /** A private JWK, or one whose private members are sealed; the store does not look into it. */
  readonly privateJwk: JsonObject;
  /** Unix seconds; published from then on. */
  readonly createdAt: number;
  /** Unix seconds; signs from then on, until the next one does. */
  readonly activeFrom: number;
}

/** What became of adding a key: `pending` when another one is waiting to be used, `taken` when there is one of its `kid`. */
export type AddedKey = 'added' | 'pending' | 'taken';

/** For the audit trail: `revoked`, the default, although tokens may need it, or `ended`, since none does. */
export type RemovalReason = 'revoked' | 'ended';

export interface SigningKeyStore {
  /**
   * Stores `key` if there is none at all. Returns the first key: two processes that start at once get the same one.
   */
  insertIfNone(key: SigningKeyRecord): Promise<SigningKeyRecord>;
  /** All of them, in the order in which they sign. */
  list(): Promise<SigningKeyRecord[]>;
  /**
   * Adds a key that is to sign later, unless one is waiting already; a second later than the last one at least, so that no
   * two begin at once.
   */
  add(key: SigningKeyRecord, now: number): Promise<AddedKey>;
  /**
   * Removes a key at once. When it was the one that signs at `now`, the one that is waiting does so from now on, or else
   * `replacement` is stored; one that had been retired never signs again. False, and nothing changed, for an unknown `kid`.
   */
  remove(
    kid: string,
    replacement: SigningKeyRecord,
    now: number,
    why?: RemovalReason,
  ): Promise<boolean>;
  /** Replaces how private members are kept: each of these by its `kid`, all or none. False when one is not there any more. */
  replaceAll(
    keys: readonly Pick<SigningKeyRecord, 'kid' | 'privateJwk'>[],
    now: number,
  ): Promise<boolean>;
}
