import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import { noStream } from '../sql/no-stream.js';
import type { Queries } from '../sql/sql-database.js';
import { StorageError } from '../storage-error.js';
import { isConnectionLost } from './postgres-failure.js';

interface Gathered {
  readonly query: CompiledQuery;
  readonly done: (result: QueryResult<unknown>) => void;
  readonly failed: (error: unknown) => void;
}

/** Nobody waits for many more than they would have had to wait for before. */
const MAX_TOGETHER = 32;

/**
 * Carries out statements of several requests that come in the same turn of the event loop in one piece and with one commit.
 * For single statements that write one row, whose first parameter is its key: rows are written in the order of their keys,
 * so that two processes that write the same ones do not wait for each other in a circle.
 */
export class GatheringConnection implements DatabaseConnection {
  readonly #queries: Queries;
  #waiting: Gathered[] = [];

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return new Promise((done, failed) => {
      this.#waiting.push({ query, done: (result) => done(result as QueryResult<R>), failed });
      if (this.#waiting.length === 1) setImmediate(() => this.#takeTurn());
    });
  }

  readonly streamQuery = noStream;

  #takeTurn(): void {
    const all = this.#waiting.toSorted((one, other) => compare(keyOf(one), keyOf(other)));
    this.#waiting = [];
    for (let at = 0; at < all.length; at += MAX_TOGETHER) {
      void this.#carryOut(all.slice(at, at + MAX_TOGETHER));
    }
  }

  /** Settles all of them, and never rejects. */
  async #carryOut(gathered: readonly Gathered[]): Promise<void> {
    try {
      const results = await this.#together(gathered);
      for (const [at, { done }] of gathered.entries()) done(results[at] ?? { rows: [] });
    } catch (error) {
      // When the server says that it has undone them, nobody has to suffer for another.
      if (gathered.length > 1 && isUndone(error)) {
        await Promise.all(gathered.map((one) => this.#carryOut([one])));
      } else {
        for (const { failed } of gathered) failed(error);
      }
    }
  }

  #together(gathered: readonly Gathered[]): Promise<QueryResult<unknown>[]> {
    return this.#queries
      .getExecutor()
      .provideConnection((connection) =>
        Promise.all(gathered.map(({ query }) => connection.executeQuery(query))),
      );
  }
}

function keyOf({ query }: Gathered): string {
  return String(query.parameters[0]);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function isUndone(error: unknown): boolean {
  return !isConnectionLost(error instanceof StorageError ? error.cause : error);
}
