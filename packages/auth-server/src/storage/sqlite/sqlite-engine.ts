import { sql } from 'kysely';
import { setTimeout as pause } from 'node:timers/promises';
import type { SharedCommits, SqlEngine } from '../sql/sql-engine.js';

const JOURNAL_ATTEMPTS = 100;
const JOURNAL_PAUSE_MILLISECONDS = 5;

/** One writing transaction at a time: there is nothing to hold, and nobody to give way to. */
export const sqliteEngine = (shared: SharedCommits): SqlEngine => ({
  dialect: 'sqlite',
  shared,
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
});
