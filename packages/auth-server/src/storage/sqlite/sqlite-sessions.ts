import type { CompiledQuery, QueryResult } from 'kysely';
import type { PromptConnection } from '../sql/prepared-query.js';
import type { GroupCommit } from './group-commit.js';
import type { SqliteConnection } from './sqlite-connection.js';

/** What whoever has the turn to write sees and does. */
export class WritingSession implements PromptConnection {
  readonly #connection: SqliteConnection;
  readonly #group: GroupCommit;

  constructor(connection: SqliteConnection, group: GroupCommit) {
    this.#connection = connection;
    this.#group = group;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.executeAtOnce<R>(query, false);
  }

  executeAtOnce<R>(query: CompiledQuery, first: boolean): QueryResult<R> {
    this.#group.requireOpen();
    try {
      return this.#connection.executeAtOnce<R>(query, first);
    } catch (error) {
      this.#group.noteFailure(error);
      throw error;
    }
  }

  streamQuery = noStream;
}

/**
 * What has been committed, through a connection of its own. It may be on its way to the disk still: whoever committed it has
 * not been answered then, and nobody else has been promised anything.
 */
export class ReadingSession implements PromptConnection {
  readonly #connection: SqliteConnection;
  readonly #require: () => void;

  /** `require` throws when what would be seen is not to be relied on. */
  constructor(connection: SqliteConnection, require: () => void) {
    this.#connection = connection;
    this.#require = require;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.#require();
    return await this.#connection.executeQuery<R>(query);
  }

  executeAtOnce<R>(query: CompiledQuery, first: boolean): QueryResult<R> | undefined {
    this.#require();
    return this.#connection.lookAtOnce<R>(query, first);
  }

  streamQuery = noStream;
}

/** The same in memory, where there is one connection: between the transactions on it. */
export class IntermediateSession implements PromptConnection {
  readonly #connection: SqliteConnection;
  readonly #group: GroupCommit;

  constructor(connection: SqliteConnection, group: GroupCommit) {
    this.#connection = connection;
    this.#group = group;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return await this.#group.outside(() => this.#connection.executeQuery<R>(query));
  }

  executeAtOnce(): undefined {
    return undefined;
  }

  streamQuery = noStream;
}

function noStream(): never {
  throw new Error('streaming is not supported');
}
