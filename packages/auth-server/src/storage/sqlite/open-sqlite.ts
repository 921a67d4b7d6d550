import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CamelCasePlugin, CompiledQuery, Kysely } from 'kysely';
import type Libsql from 'libsql';
import { type PromptConnection, reachConnection } from '../sql/prepared-query.js';
import type { Schema } from '../sql/schema.js';
import { SqlDatabase } from '../sql/sql-database.js';
import { StorageConfigurationError, StorageError } from '../storage-error.js';
import { GroupCommit } from './group-commit.js';
import { Journal } from './journal.js';
import { SameFile } from './same-file.js';
import { SqliteConnection } from './sqlite-connection.js';
import { sqliteFailure } from './sqlite-failure.js';
import { sqliteDialect } from './sqlite-dialect.js';
import { sqliteEngine } from './sqlite-engine.js';
import { intermediateSession, readingSession, writingSession } from './sqlite-sessions.js';
import { withoutRowLocks } from './without-row-locks.js';

const IN_MEMORY = ':memory:';

/**
 * Opens a SQLite file, made with mode 0600 when absent, or `:memory:`. Throws a `StorageConfigurationError` when the
 * directory is missing, the file cannot be opened for writing, or is something else than a database.
 */
export async function openSqlite(
  file: string,
  lockTimeoutMilliseconds: number,
): Promise<SqlDatabase> {
  // Here, for servers on PostgreSQL not to load it.
  const { default: Driver } = await import('libsql');
  const connect = (): SqliteConnection =>
    new SqliteConnection(openFile(Driver, file), lockTimeoutMilliseconds);
  const writing = connect();
  const same = file === IN_MEMORY ? undefined : new SameFile(resolve(file));
  let reading: SqliteConnection | undefined;
  try {
    await configure(writing);
    if (file !== IN_MEMORY) {
      reading = connect();
      await reading.execute('pragma busy_timeout = 0');
      await reading.execute('pragma query_only = on');
    }
  } catch (error) {
    reading?.close();
    writing.close();
    throw asConfigurationError(error, file);
  }
  const journal = new Journal(resolve(file));
  const group = new GroupCommit(
    writing,
    same === undefined ? undefined : { file: same, sync: () => journal.sync() },
  );
  const close = () =>
    group.outside(async () => {
      reading?.close();
      writing.close();
      await journal.close();
    });
  const onlooker =
    reading === undefined || same === undefined
      ? intermediateSession(writing, group)
      : readingSession(reading, () => {
          same.requireForReading();
          group.requireKept();
        });
  const looking = await queriesOn(onlooker, close);
  const writer = await queriesOn(writingSession(writing, group), close);
  const engine = sqliteEngine({
    write: (work) => group.write(() => work(writer)),
    writeSoon: (work) => group.writeSoon(() => work(writer)),
  });
  return new SqlDatabase(looking, engine);
}

async function queriesOn(
  connection: PromptConnection,
  close: () => Promise<void>,
): Promise<Kysely<Schema>> {
  const queries = new Kysely<Schema>({
    dialect: sqliteDialect(connection, close),
    plugins: [withoutRowLocks, new CamelCasePlugin()],
  });
  await reachConnection(queries);
  return queries;
}

function openFile(Driver: typeof Libsql, file: string): Libsql.Database {
  if (file === IN_MEMORY) return new Driver(IN_MEMORY);
  // An absolute path also keeps the library from taking the name for a URL of a remote database.
  const path = resolve(file);
  if (!existsSync(dirname(path))) {
    throw new StorageConfigurationError(
      `The directory of the database file does not exist: ${dirname(path)}`,
    );
  }
  try {
    if (existsSync(path)) accessSync(path, constants.W_OK);
    else makeFile(path);
    return new Driver(path);
  } catch (cause) {
    throw new StorageConfigurationError(`The database file cannot be opened for writing: ${path}`, {
      cause,
    });
  }
}

/**
 * Made here because SQLite would follow the umask; its journal files take over the mode of this one. Never to be done with
 * a file that exists: to close it drops every lock that this process has on it (POSIX), those of its open connections too,
 * and the next process to close the file would take itself for the last one and clear away the journal under them.
 */
function makeFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/** Waiting for locks is the connection's business (`retryWhileBusy`), hence no `busy_timeout` of SQLite's own. */
async function configure(connection: SqliteConnection): Promise<void> {
  await connection.execute('pragma busy_timeout = 0');
  const mode = await connection.executeQuery<{ journal_mode: string }>(
    CompiledQuery.raw('pragma journal_mode'),
  );
  // Readers do not wait for writers. Said once: switching needs the file for oneself.
  if (mode.rows[0]?.journal_mode !== 'wal') await connection.execute('pragma journal_mode = wal');
  // What has been answered survives a power cut too. In memory it makes no difference; a file's journal is synced by
  // GroupCommit, on another thread, where `full` would do it on this one.
  await connection.execute('pragma synchronous = normal');
  await connection.execute('pragma foreign_keys = on');
  // What has been deleted or replaced is overwritten: keys and what people were asked are not to be found in free pages.
  await connection.executeQuery(CompiledQuery.raw('pragma secure_delete = on'));
}

function asConfigurationError(error: unknown, file: string): unknown {
  const cause = error instanceof StorageError ? error.cause : undefined;
  if (sqliteFailure(cause) === 'SQLITE_NOTADB') {
    return new StorageConfigurationError(`The file is not a database: ${resolve(file)}`, { cause });
  }
  return error;
}
