import {
  boundedReplayStore,
  type ReplayLimits,
  type ReplayStore,
  sqliteReplayTable,
} from '@countersign/protocol';
import { openSqlite } from './open-sqlite.js';

export {
  type SqliteInteractionStore,
  sqliteInteractionStore,
} from './interaction/sqlite-interaction-store.js';

export interface SqliteReplayStore extends ReplayStore {
  /** Closes the file. */
  close(): void;
}

/**
 * A replay store in a SQLite file, made with mode 0600 when absent: survives restarts and power cuts, and may be shared
 * by the processes of one machine. Needs the optional peer `libsql`.
 *
 * Throws `AAuthError` `configuration_invalid` when the file cannot be opened for writing.
 */
export function sqliteReplayStore(file: string, limits: ReplayLimits = {}): SqliteReplayStore {
  const { database, prepared: table } = openSqlite(file, 'replay', sqliteReplayTable);
  const store = boundedReplayStore(table, limits);
  return {
    remember: (record, now) => store.remember(record, now),
    close: () => {
      database.close();
    },
  };
}
