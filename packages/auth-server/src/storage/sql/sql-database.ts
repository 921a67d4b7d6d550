import { DeleteResult, type InsertResult, type Kysely, UpdateResult } from 'kysely';
import { StorageError } from '../storage-error.js';
import type { Schema } from './schema.js';

/** Something that runs queries: the database itself or a transaction on it. */
export type Queries = Kysely<Schema>;

/** The two ways in which the stores reach the database. */
export class SqlDatabase {
  readonly #queries: Queries;
  #closed = false;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  /** Runs one query. */
  async read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return work(this.#queries);
  }

  /**
   * Runs `work` as one transaction that excludes every other one, in this process and in others. `work` must have no
   * effect but on the database, since a dialect may have to run it again.
   */
  async write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return this.#queries.transaction().execute(work);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queries.destroy();
  }

  #checkOpen(): void {
    if (this.#closed) throw new StorageError('The database has been closed.');
  }
}

/** Whether a conditional insert, update or delete met its condition. */
export function changed(result: InsertResult | UpdateResult | DeleteResult): boolean {
  return count(result) > 0;
}

/** How many rows an insert, update or delete changed. */
export function count(result: InsertResult | UpdateResult | DeleteResult): number {
  if (result instanceof UpdateResult) return Number(result.numUpdatedRows);
  if (result instanceof DeleteResult) return Number(result.numDeletedRows);
  return Number(result.numInsertedOrUpdatedRows ?? 0n);
}
