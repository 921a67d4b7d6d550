import type { PrivateJwk } from '@countersign/httpsig';

/** A key with which the server signs tokens. */
export interface SigningKeyRecord {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateJwk: PrivateJwk;
  readonly createdAt: number;
  readonly state: 'active' | 'retired';
}

export interface SigningKeyStore {
  /**
   * Stores `key` as the active one if there is none. Returns the active key: two processes that start at once get the
   * same one.
   */
  insertIfNone(key: Omit<SigningKeyRecord, 'state'>): Promise<SigningKeyRecord>;
  /** The active key first, then the retired ones, the latest first. */
  list(): Promise<SigningKeyRecord[]>;
}
