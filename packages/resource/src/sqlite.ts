import {
  AAuthError,
  boundedReplayStore,
  type ReplayLimits,
  type ReplayStore,
  type ReplayTable,
  sqliteReplayTable,
} from '@countersign/protocol';
import Libsql from 'libsql';
import { closeSync, openSync } from 'node:fs';

export {
  type SqliteInteractionStore,
  sqliteInteractionStore,
} from './interaction/sqlite-interaction-store.js';

export interface SqliteReplayStore extends ReplayStore {
  /** Closes the file. */
  close(): void;
}

/** Writes wait this long for another process on the same file. */
const BUSY_MILLISECONDS = 5_000;

/**
 * A replay store in a SQLite file, made with mode 0600 when absent: survives restarts and power cuts, and may be shared
 * by the processes of one machine. Needs the optional peer `libsql`.
 *
 * Throws `AAuthError` `configuration_invalid` when the file cannot be opened for writing.
 */
export function sqliteReplayStore(file: string, limits: ReplayLimits = {}): SqliteReplayStore {
  const { database, table } = open(file);
  const store = boundedReplayStore(table, limits);
  return {
    remember: (record, now) => store.remember(record, now),
    close: () => {
      database.close();
    },
  };
}

function open(file: string): { database: Libsql.Database; table: ReplayTable } {
  try {
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    const database = new Libsql(file);
    database.exec(`pragma busy_timeout = ${BUSY_MILLISECONDS}`);
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    return { database, table: sqliteReplayTable(database) };
  } catch (cause) {
    throw new AAuthError('configuration_invalid', `The replay file cannot be used: ${file}`, {
      cause,
    });
  }
}
