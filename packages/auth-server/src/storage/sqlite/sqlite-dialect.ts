import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import type { SqliteConnection } from './sqlite-connection.js';

/** kysely's SQLite dialect over one connection, with transactions that take the write lock when they begin. */
export function sqliteDialect(connection: SqliteConnection): Dialect {
  return {
    createDriver: () => new ImmediateDriver(connection),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (database) => new SqliteIntrospector(database),
  };
}

/**
 * kysely's own driver begins with `begin`, which takes the write lock at the first write only: of two processes that
 * have both read by then, one fails at once, whatever its timeout. `begin immediate` makes them queue instead.
 */
class ImmediateDriver implements Driver {
  readonly #connection: SqliteConnection;
  #lastInLine: Promise<void> = Promise.resolve();
  #leave: () => void = () => undefined;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  async init(): Promise<void> {}

  /** One connection, used in the order of arrival. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#lastInLine;
    let leave: () => void = () => undefined;
    this.#lastInLine = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    this.#leave = leave;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#leave();
  }

  async beginTransaction(
    _: DatabaseConnection,
    { accessMode }: TransactionSettings,
  ): Promise<void> {
    await this.#connection.execute(accessMode === 'read only' ? 'begin' : 'begin immediate');
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.execute('commit');
  }

  /** SQLite rolls back by itself when the disk is full or fails; asking again would hide the first error. */
  async rollbackTransaction(): Promise<void> {
    if (this.#connection.inTransaction) await this.#connection.execute('rollback');
  }

  async destroy(): Promise<void> {
    await this.acquireConnection();
    this.#connection.close();
  }
}
