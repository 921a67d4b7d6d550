import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { PromptConnection } from '../sql/prepared-query.js';
import { StorageError } from '../storage-error.js';
import { GroupCommit, type SharedTransaction } from './group-commit.js';
import type { SameFile } from './same-file.js';
import type { SqliteConnection } from './sqlite-connection.js';

export interface SqliteConnections {
  readonly writing: SqliteConnection;
  /** Sees what has been committed and nothing else. Undefined in memory, where there is one connection only. */
  readonly reading: SqliteConnection | undefined;
  /** Undefined in memory. */
  readonly file: SameFile | undefined;
}

/**
 * kysely's SQLite dialect over two connections: transactions write, and share commits; queries outside of a transaction
 * read what has been committed.
 */
export function sqliteDialect(connections: SqliteConnections): Dialect {
  return {
    createDriver: () => new SharingDriver(connections),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (database) => new SqliteIntrospector(database),
  };
}

/** What one user of the database has in hand: a part of a shared transaction, or the right to look. */
class Session implements PromptConnection {
  readonly #connections: SqliteConnections;
  readonly #group: GroupCommit;
  #shared: SharedTransaction | undefined;

  constructor(connections: SqliteConnections, group: GroupCommit) {
    this.#connections = connections;
    this.#group = group;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { writing, reading, file } = this.#connections;
    const shared = this.#shared;
    if (shared === undefined) {
      file?.requireForReading();
      return reading === undefined
        ? await this.#group.outside(() => writing.executeQuery<R>(query))
        : await reading.executeQuery<R>(query);
    }
    shared.requireOpen();
    try {
      return await writing.executeQuery<R>(query);
    } catch (error) {
      this.#group.noteFailure(shared, error);
      throw error;
    }
  }

  executeAtOnce<R>(query: CompiledQuery, first: boolean): QueryResult<R> | undefined {
    const { reading, file } = this.#connections;
    const shared = this.#shared;
    if (shared === undefined) {
      if (reading === undefined) return undefined;
      file?.requireForReading();
      return reading.lookAtOnce<R>(query, first);
    }
    shared.requireOpen();
    try {
      return this.#connections.writing.executeAtOnce<R>(query, first);
    } catch (error) {
      this.#group.noteFailure(shared, error);
      throw error;
    }
  }

  async begin(): Promise<void> {
    this.#shared = await this.#group.enter();
  }

  /** Once: kysely rolls back what could not be committed, which has ended by then. */
  async end(how: 'keep' | 'undo'): Promise<void> {
    const shared = this.#shared;
    this.#shared = undefined;
    if (shared !== undefined) await this.#group[how](shared);
  }

  // oxlint-disable-next-line require-yield -- the interface wants it; the store never streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported');
  }
}

class SharingDriver implements Driver {
  readonly #connections: SqliteConnections;
  readonly #group: GroupCommit;
  readonly #sessions = new WeakMap<DatabaseConnection, Session>();

  constructor(connections: SqliteConnections) {
    this.#connections = connections;
    this.#group = new GroupCommit(connections.writing, connections.file);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const session = new Session(this.#connections, this.#group);
    this.#sessions.set(session, session);
    return session;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#own(connection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#own(connection).end('keep');
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#own(connection).end('undo');
  }

  async destroy(): Promise<void> {
    const { writing, reading } = this.#connections;
    await this.#group.outside(async () => {
      reading?.close();
      writing.close();
    });
  }

  #own(connection: DatabaseConnection): Session {
    const own = this.#sessions.get(connection);
    if (own === undefined) throw new StorageError('The connection is not one of this database.');
    return own;
  }
}
