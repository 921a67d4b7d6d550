/** A signing key as far as it may be shown. */
export interface SigningKeyAge {
  readonly state: string;
  readonly createdAt: number;
}

/** What the database is like right now. */
export interface StorageHealth {
  /** Names of migrations that the database has not had. */
  readonly missingMigrations: readonly string[];
  readonly signingKeys: readonly SigningKeyAge[];
  /** Questions that no person has decided yet. */
  readonly undecidedQuestions: number;
}

/** Connections of this process to the database. */
export interface PoolUse {
  readonly open: number;
  readonly idle: number;
  /** Operations that wait for a connection. */
  readonly waiting: number;
}

/** For whoever watches over the server; nothing that answers a request depends on it. */
export interface HealthStore {
  /** Asks the database. Rejects with a `StorageError` when it does not answer. */
  check(now: number): Promise<StorageHealth>;
  /** Undefined where there is no pool, as on SQLite. */
  poolUse(): PoolUse | undefined;
}
