import { AAuthError } from '@countersign/protocol';
import Libsql from 'libsql';
import { closeSync, existsSync, openSync } from 'node:fs';

/** Writes wait this long for another process on the same file. */
const BUSY_MILLISECONDS = 5_000;

/** Opens a SQLite file, made with mode 0600 when absent, and what `prepare` makes on it. `what` names the file in errors. */
export function openSqlite<T>(
  file: string,
  what: string,
  prepare: (database: Libsql.Database) => T,
): { readonly database: Libsql.Database; readonly prepared: T } {
  try {
    // Not when it exists: to close it would drop the locks of other connections of this process.
    if (file !== ':memory:' && !existsSync(file)) closeSync(openSync(file, 'a', 0o600));
    const database = new Libsql(file);
    database.exec(`pragma busy_timeout = ${BUSY_MILLISECONDS}`);
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    return { database, prepared: prepare(database) };
  } catch (cause) {
    throw new AAuthError('configuration_invalid', `The ${what} file cannot be used: ${file}`, {
      cause,
    });
  }
}
