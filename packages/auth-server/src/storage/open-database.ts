import { openPostgresDatabase } from './postgres/open-postgres.js';
import type { SqlDatabase } from './sql/sql-database.js';
import { openSqlite } from './sqlite/open-sqlite.js';
import { StorageConfigurationError } from './storage-error.js';

export interface DatabaseLimits {
  /** How long an operation waits for a lock of another process before it fails; 5 seconds by default. */
  readonly lockTimeoutMilliseconds?: number;
  /** PostgreSQL: connections of this process, 10 by default. Each operation uses one. `pool_size` in the URL wins. */
  readonly poolSize?: number;
  /**
   * PostgreSQL: how long an operation waits for a connection before it fails; 5 seconds by default. `connect_timeout`
   * in the URL wins, in seconds.
   */
  readonly connectTimeoutMilliseconds?: number;
  /**
   * PostgreSQL: how long the server may work on one statement, and wait for the next one of a transaction; 10 seconds by
   * default. Migrations have no limit. `statement_timeout` in the URL wins, in milliseconds.
   */
  readonly statementTimeoutMilliseconds?: number;
}

/** A database whose tables have not been looked at. */
export interface OpenDatabase {
  readonly database: SqlDatabase;
  /** Does `work` without limits of time where the database has any, for what may take as long as it does. */
  unhurried<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T>;
  /** While starting: the operator's error of a failure that stays until something is changed, or the failure itself. */
  explain(error: unknown): unknown;
}

const DEFAULT_LOCK_TIMEOUT_MILLISECONDS = 5_000;
const SQLITE = 'sqlite:';

/** Opens what `url` names. Throws a `StorageConfigurationError`, which does not repeat it, when it names nothing. */
export async function openDatabase(url: string, limits: DatabaseLimits): Promise<OpenDatabase> {
  if (/^postgres(?:ql)?:/.test(url)) {
    return openPostgresDatabase(url, limits);
  }
  if (!url.startsWith(SQLITE) || url.length === SQLITE.length) {
    throw new StorageConfigurationError(
      'The database must be given as sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.',
    );
  }
  const { lockTimeoutMilliseconds = DEFAULT_LOCK_TIMEOUT_MILLISECONDS } = limits;
  const database = await openSqlite(url.slice(SQLITE.length), lockTimeoutMilliseconds);
  return { database, unhurried: (work) => work(database), explain: (error) => error };
}
