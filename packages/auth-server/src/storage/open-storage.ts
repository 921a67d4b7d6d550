import type { StorageEvent } from '../observability/server-event.js';
import { watchStorage } from '../observability/watch-storage.js';
import { type DatabaseLimits, type OpenDatabase, openDatabase } from './open-database.js';
import { migrate, requireLatest, type SchemaState, schemaState } from './sql/migrate.js';
import { storageOn } from './sql/sql-storage.js';
import type { Storage } from './storage.js';

export interface OpenStorageOptions extends DatabaseLimits {
  /**
   * `apply`, the default, brings the tables up to date. `require` refuses a database whose tables are not, for servers
   * whose database user may not change them.
   */
  readonly migrations?: 'apply' | 'require';
  /** Told of every operation on the database, of failures and of recovery; see `ServerEvent`. */
  readonly onEvent?: (event: StorageEvent) => void;
}

/** How far the tables of a database have come. */
export type DatabaseSchema = SchemaState;

/**
 * Opens the database that `url` names and brings its tables up to date. `sqlite:FILE` is made with mode 0600 when
 * absent; `sqlite::memory:` is for tests; `postgres://USER:PASSWORD@HOST:PORT/DATABASE` must exist, and needs the
 * package `pg`. Throws a `StorageConfigurationError` for anything else, for a database that cannot be used until
 * something is changed (a missing directory, a wrong password, an unverifiable certificate), and for one of a newer
 * version; a `StorageError` when it stays locked or does not answer.
 */
export async function openStorage(url: string, options: OpenStorageOptions = {}): Promise<Storage> {
  const { migrations = 'apply', onEvent, ...limits } = options;
  const opened = await openDatabase(url, limits);
  return await orClose(opened, async () => {
    if (migrations === 'require') await requireLatest(opened.database);
    else if ((await schemaState(opened.database)).missing.length > 0) {
      await opened.unhurried((database) => migrate(database));
    }
    if (onEvent !== undefined) opened.database.watch(watchStorage(onEvent));
    return storageOn(opened.database);
  });
}

/**
 * Brings the tables of a database up to date, however long it takes. Safe while servers run and start: one process does
 * it and the others wait. Returns the names of the migrations that were missing. Throws as `openStorage` does.
 */
export async function migrateDatabase(url: string): Promise<readonly string[]> {
  const opened = await openDatabase(url, {});
  return await orClose(opened, async () => {
    const made = await opened.unhurried((database) => migrate(database));
    await opened.database.close();
    return made;
  });
}

/** Looks at the tables of a database and changes nothing. Throws as `openStorage` does. */
export async function inspectDatabase(url: string): Promise<DatabaseSchema> {
  const opened = await openDatabase(url, {});
  return await orClose(opened, async () => {
    const state = await schemaState(opened.database);
    await opened.database.close();
    return state;
  });
}

async function orClose<T>(opened: OpenDatabase, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await opened.database.close();
    throw opened.explain(error);
  }
}
