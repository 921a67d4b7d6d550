import type { CompiledQuery, QueryResult } from 'kysely';
import type Libsql from 'libsql';
import { type BoundStatement, memberName, type Outcome } from '../sql/prepared-query.js';
import { StorageError } from '../storage-error.js';
import { retryWhileBusy } from './retry-while-busy.js';
import { isBusy, sqliteFailure } from './sqlite-failure.js';

interface Statement {
  readonly prepared: Libsql.Statement;
  /** The columns of its rows; `undefined` when it has none to give. */
  columns: Columns | undefined;
}

interface Columns {
  readonly names: readonly string[];
  /** What they are called in the schema. */
  readonly members: readonly string[];
}

const UNCHANGED = { rows: [], changed: 0 };

/** More than the store has distinct queries; a bound all the same. */
const MAX_CACHED_STATEMENTS = 500;

/** A SQLite connection that takes kysely's queries. Waits for locks without blocking the thread, and names its failures. */
export class SqliteConnection {
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

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#attempt(() => this.#execute<R>(query));
  }

  /** The same at once, inside a transaction. */
  executeNow<R>(query: CompiledQuery): QueryResult<R> {
    try {
      return this.#execute<R>(query);
    } catch (error) {
      throw asStorageFailure(error);
    }
  }

  /** The same for a statement that was put together before. `first`: no more than one row is wanted. */
  executeAtOnce<R>(statement: BoundStatement, first: boolean): Outcome<R> {
    try {
      return this.#carryOut<R>(statement, first);
    } catch (error) {
      throw asStorageFailure(error);
    }
  }

  /** The same for a look at what has been committed; `undefined` when somebody has the lock, and it has to be waited for. */
  lookAtOnce<R>(statement: BoundStatement, first: boolean): Outcome<R> | undefined {
    try {
      return this.#carryOut<R>(statement, first);
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw asStorageFailure(error);
    }
  }

  /** Runs a statement without parameters or rows, such as `begin immediate`. */
  async execute(sql: string): Promise<void> {
    await this.#attempt(() => this.#database.exec(sql));
  }

  /** The same at once; false when somebody has the lock, and it has to be waited for. */
  executeIfFree(sql: string): boolean {
    try {
      // Not prepared: a statement that is kept stays in progress when it finds the lock taken, and lets nobody commit.
      this.#database.exec(sql);
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw asStorageFailure(error);
    }
  }

  /** The same at once, for statements that wait for no lock: those inside a transaction, and its end. */
  run(sql: string): void {
    try {
      // Not prepared either: parsing takes less than the library's telling what came of it.
      this.#database.exec(sql);
    } catch (error) {
      throw asStorageFailure(error);
    }
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

  #execute<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const statement = this.#prepare(sql);
    const { prepared } = statement;
    if (statement.columns === undefined) {
      return { rows: [], numAffectedRows: BigInt(prepared.run(parameters).changes) };
    }
    const rows = prepared.all(parameters) as unknown[][];
    return { rows: rows.map((row) => asRow<R>(row, columnsFor(row, statement).names)) };
  }

  #carryOut<R>({ sql, parameters }: BoundStatement, first: boolean): Outcome<R> {
    const statement = this.#prepare(sql);
    const { prepared } = statement;
    if (statement.columns === undefined) {
      return { rows: [], changed: prepared.run(parameters).changes };
    }
    if (!first) {
      const rows = prepared.all(parameters) as unknown[][];
      const found = rows.map((row) => asRow<R>(row, columnsFor(row, statement).members));
      return { rows: found, changed: 0 };
    }
    // One row takes half the time of `all`, which makes room for a hundred.
    const row = prepared.get(parameters) as unknown[] | undefined;
    if (row === undefined) return UNCHANGED;
    return { rows: [asRow<R>(row, columnsFor(row, statement).members)], changed: 0 };
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(sql);
    const columns = prepared.reader ? columnsOf(prepared.raw()) : undefined;
    const statement = { prepared, columns };
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

function columnsOf(prepared: Libsql.Statement): Columns {
  // The declared type says that they are objects; the library gives their names.
  const columns = prepared.columns() as readonly ({ readonly name: string } | string)[];
  const names = columns.map((column) => (typeof column === 'string' ? column : column.name));
  return { names, members: names.map((name) => memberName(name)) };
}

function columnsFor({ length }: readonly unknown[], statement: Statement): Columns {
  if (statement.columns?.names.length === length) return statement.columns;
  // `select *`, and somebody has added a column.
  return (statement.columns = columnsOf(statement.prepared));
}

/** Rows come as lists of values, which takes half the time of objects. */
function asRow<R>(values: readonly unknown[], names: readonly string[]): R {
  const row: Record<string, unknown> = {};
  for (let at = 0; at < names.length; at++) row[names[at] ?? ''] = values[at];
  return row as R;
}

/** A broken constraint is a bug of ours, and stays what it is; every other complaint of SQLite's is a storage failure. */
function asStorageFailure(error: unknown): unknown {
  const code = sqliteFailure(error);
  if (code === undefined || code.startsWith('SQLITE_CONSTRAINT')) return error;
  return new StorageError('The database could not carry out the operation.', { cause: error });
}
