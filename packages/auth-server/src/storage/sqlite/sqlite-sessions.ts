import type { CompiledQuery, QueryResult } from 'kysely';
import type { PromptConnection } from '../sql/prepared-query.js';
import type { GroupCommit } from './group-commit.js';
import type { SameFile } from './same-file.js';
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

/** What has been committed, through a connection of its own. */
export class ReadingSession implements PromptConnection {
  readonly #connection: SqliteConnection;
  readonly #file: SameFile;

  constructor(connection: SqliteConnection, file: SameFile) {
    this.#connection = connection;
    this.#file = file;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.#file.requireForReading();
    return await this.#connection.executeQuery<R>(query);
  }

  executeAtOnce<R>(query: CompiledQuery, first: boolean): QueryResult<R> | undefined {
    this.#file.requireForReading();
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
