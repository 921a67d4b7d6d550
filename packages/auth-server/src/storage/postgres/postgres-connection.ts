import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import type { PoolClient } from 'pg';
import { StorageError } from '../storage-error.js';
import { withNull, withoutNull } from './null-characters.js';
import { asStorageFailure, isConnectionLost } from './postgres-failure.js';

/** One connection of the pool as kysely sees it, which names its failures and knows when it is of no more use. */
export class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient;
  #lost = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.#query(sql, parameters.map(withoutNull));
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) row[name] = withNull(value);
    }
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
  }

  async begin(): Promise<void> {
    await this.#query('begin isolation level read committed');
  }

  async commit(): Promise<void> {
    const { command } = await this.#query('commit');
    // The server's way of saying that a statement had failed before.
    if (command !== 'COMMIT') throw new StorageError('The database rolled the operation back.');
  }

  /** A connection that fails here is not used again, and the server rolls back by itself. */
  async rollback(): Promise<void> {
    if (this.#lost) return;
    await this.#query('rollback').catch(() => {
      this.#lost = true;
    });
  }

  release(): void {
    this.#client.release(this.#lost);
  }

  // oxlint-disable-next-line require-yield -- the interface wants it; the store never streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported');
  }

  async #query(text: string, values: unknown[] = []) {
    try {
      return await this.#client.query<Record<string, unknown>>(text, values);
    } catch (error) {
      this.#lost ||= isConnectionLost(error);
      throw asStorageFailure(error);
    }
  }
}
