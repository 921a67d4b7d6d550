import { createSqlStorage } from './sql/sql-storage.js';
import { openSqlite } from './sqlite/open-sqlite.js';
import { StorageConfigurationError } from './storage-error.js';
import type { Storage } from './storage.js';

export interface OpenStorageOptions {
  /** How long an operation waits for the lock of another process before it fails; 5 seconds by default. */
  readonly lockTimeoutMilliseconds?: number;
}

const DEFAULT_LOCK_TIMEOUT_MILLISECONDS = 5_000;
const SQLITE = 'sqlite:';

/**
 * Opens the database that `url` names and brings its tables up to date: `sqlite:FILE`, made with mode 0600 when
 * absent, or `sqlite::memory:`. Throws a `StorageConfigurationError` for anything else, a missing directory, or a
 * database of a newer version; a `StorageError` when it stays locked.
 */
export async function openStorage(url: string, options: OpenStorageOptions = {}): Promise<Storage> {
  const { lockTimeoutMilliseconds = DEFAULT_LOCK_TIMEOUT_MILLISECONDS } = options;
  // A database URL may hold a password: it is not repeated in a message.
  if (/^postgres(?:ql)?:/.test(url)) {
    throw new StorageConfigurationError(
      'PostgreSQL is not supported yet: use sqlite:FILE for the database.',
    );
  }
  if (!url.startsWith(SQLITE) || url.length === SQLITE.length) {
    throw new StorageConfigurationError('The database must be given as sqlite:FILE.');
  }
  return createSqlStorage(await openSqlite(url.slice(SQLITE.length), lockTimeoutMilliseconds));
}
