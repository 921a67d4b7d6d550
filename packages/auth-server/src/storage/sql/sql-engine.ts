import type { PoolUse } from '../health.js';
import type { Queries } from './sql-database.js';

/** Where a statement must be spelled in two ways. */
export type Dialect = 'sqlite' | 'postgres';

/** What has been decided, and whether it is on the disk: `kept` rejects when it could not be kept. */
export interface DecidedWrite<T> {
  readonly value: T;
  readonly kept: Promise<void>;
}

/** Carries out transactions one after another, and commits several of them at once. */
export interface SharedCommits {
  /** Settles once it has been kept, or undone. */
  write<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /** For a single statement. Settles as soon as it has been decided. */
  writeSoon<T>(work: (queries: Queries) => Promise<T>): Promise<DecidedWrite<T>>;
}

/** What differs between databases beyond how a query is spelled. */
export interface SqlEngine {
  readonly dialect: Dialect;
  /** Where transactions share their commits. */
  readonly shared?: SharedCommits;
  /** Where they do not: single statements that are carried out together with others that come in the same moment. */
  readonly gathered?: Queries;
  /** Waits until no other transaction holds `name`, and holds it until this one ends. Absent where one runs at a time. */
  holdName?(queries: Queries, name: string): Promise<void>;
  /** True when the transaction was given up in favour of another one and may well succeed when it is run again. */
  gaveWay?(error: unknown): boolean;
  /** True when a query failed because a table does not exist. */
  isMissingTable(error: unknown): boolean;
  /** Overwrites what a journal still holds of rows that have been replaced, as soon as nobody reads there. */
  emptyJournal?(queries: Queries): Promise<void>;
  /** How the connections of this process are used, where there are several. */
  poolUse?(): PoolUse;
}
