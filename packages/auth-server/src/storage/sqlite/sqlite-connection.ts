import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import Libsql from 'libsql';
import { StorageError } from '../storage-error.js';
import { retryWhileBusy } from './retry-while-busy.js';

type Statement = Libsql.Statement;

/** More than the store has distinct queries; a bound all the same. */
const MAX_CACHED_STATEMENTS = 500;

/** A SQLite connection as kysely sees it. Waits for locks without blocking the thread, and names its failures. */
export class SqliteConnection implements DatabaseConnection {
  readonly #database: Libsql.Database;
  readonly #lockTimeoutMilliseconds: number;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Libsql.Database, lockTimeoutMilliseconds: number) {
    this.#database = database;
    this.#lockTimeoutMilliseconds = lockTimeoutMilliseconds;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return this.#attempt(() => {
      const statement = this.#prepare(sql);
      if (statement.reader) return { rows: statement.all(parameters) as R[] };
      return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) };
    });
  }

  /** Runs a statement without parameters or rows, such as `begin immediate`. */
  async execute(sql: string): Promise<void> {
    await this.#attempt(() => this.#database.exec(sql));
  }

  /** The same at once, for statements that wait for no lock: those inside a transaction, and its end. */
  run(sql: string): void {
    try {
      this.#prepare(sql).run([]);
    } catch (error) {
      throw asStorageFailure(error);
    }
  }

  // oxlint-disable-next-line require-yield -- the interface wants it; the store never streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported');
  }

  /** Also moves what the journal holds into the file, so that a copy of the file alone is complete. */
  close(): void {
    this.#statements.clear();
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // Another process is at it, or the disk is full: the journal stays and is read at the next opening.
    }
    this.#database.close();
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size >= MAX_CACHED_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  async #attempt<T>(operation: () => T): Promise<T> {
    try {
      // Inside a transaction the lock is already ours; waiting there could only make a deadlock last.
      return this.inTransaction
        ? operation()
        : await retryWhileBusy(operation, this.#lockTimeoutMilliseconds);
    } catch (error) {
      throw asStorageFailure(error);
    }
  }
}

/** A broken constraint is a bug of ours, and stays what it is; every other complaint of SQLite's is a storage failure. */
function asStorageFailure(error: unknown): unknown {
  if (!(error instanceof Libsql.SqliteError) || error.code.startsWith('SQLITE_CONSTRAINT')) {
    return error;
  }
  return new StorageError('The database could not carry out the operation.', { cause: error });
}
