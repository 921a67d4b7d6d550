import { sql } from 'kysely';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolUse } from '../health.js';
import type { Queries } from './sql-database.js';

/** Where a statement must be spelled in two ways. */
export type Dialect = 'sqlite' | 'postgres';

/** What differs between databases beyond how a query is spelled. */
export interface SqlEngine {
  readonly dialect: Dialect;
  /**
   * True when a transaction shares its commit with those that come in the same moment: then what it has decided is known
   * some time before. False when a single statement is best left to commit by itself.
   */
  readonly sharesCommits: boolean;
  /** Waits until no other transaction holds `name`, and holds it until this one ends. */
  holdName(queries: Queries, name: string): Promise<void>;
  /** True when the transaction was given up in favour of another one and may well succeed when it is run again. */
  gaveWay(error: unknown): boolean;
  /** True when a query failed because a table does not exist. */
  isMissingTable(error: unknown): boolean;
  /** Overwrites what a journal still holds of rows that have been replaced, as soon as nobody reads there. */
  emptyJournal?(queries: Queries): Promise<void>;
  /** How the connections of this process are used, where there are several. */
  poolUse?(): PoolUse;
}

const JOURNAL_ATTEMPTS = 100;
const JOURNAL_PAUSE_MILLISECONDS = 5;

/** SQLite runs one writing transaction at a time: there is nothing to hold, and nobody to give way to. */
export const singleWriter: SqlEngine = {
  dialect: 'sqlite',
  sharesCommits: true,
  holdName: async () => undefined,
  gaveWay: () => false,
  isMissingTable: (error) =>
    error instanceof Error &&
    error.cause instanceof Error &&
    error.cause.message.includes('no such table'),
  emptyJournal: async (queries) => {
    for (let attempt = 0; attempt < JOURNAL_ATTEMPTS; attempt++) {
      const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(
        queries,
      );
      // Somebody reads or writes right now. Whoever closes the database does it at the latest.
      if (rows[0]?.busy !== 1) return;
      await pause(JOURNAL_PAUSE_MILLISECONDS);
    }
  },
};
