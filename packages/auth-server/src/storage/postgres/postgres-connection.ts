import type { CompiledQuery, QueryResult } from 'kysely';
import type { PoolClient } from 'pg';
import { noStream } from '../sql/no-stream.js';
import type { PatientConnection } from '../sql/prepared-query.js';
import { StorageError } from '../storage-error.js';
import { withNull, withoutNull } from './null-characters.js';
import { asStorageFailure, isConnectionLost, isOutdated } from './postgres-failure.js';
import type { StatementCache } from './statement-cache.js';
import { type Outcome, type Statement, StatementGroup } from './statement-group.js';

const BEGIN: Statement = { text: 'begin isolation level read committed', values: [] };
const COMMIT: Statement = { text: 'commit', values: [] };
const ROLLBACK: Statement = { text: 'rollback', values: [] };

interface Waiting {
  readonly statement: Statement;
  readonly done?: (outcome: Outcome) => void;
  readonly failed?: (error: unknown) => void;
}

/**
 * One connection of the pool as kysely sees it, which names its failures and knows when it is of no more use.
 *
 * Whatever does not have to be waited for is sent with what comes next: the beginning of a transaction with its first
 * statement, all that are asked for in the same moment together, and its last ones with the commit.
 */
export class PostgresConnection implements PatientConnection {
  readonly #client: PoolClient;
  readonly #cache: StatementCache;
  #waiting: Waiting[] = [];
  #sending = false;
  #transaction: 'none' | 'asked-for' | 'begun' = 'none';
  #lost = false;

  constructor(client: PoolClient, cache: StatementCache) {
    this.#client = client;
    this.#cache = cache;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const statement = asStatement(query);
    try {
      return asResult<R>(await this.#execute(statement));
    } catch (error) {
      if (this.#transaction !== 'none' || !isOutdated(error)) throw error;
      return asResult<R>(await this.#execute(statement));
    }
  }

  executeLater(query: CompiledQuery): void {
    this.#waiting.push({ statement: asStatement(query) });
  }

  begin(): void {
    this.#transaction = 'asked-for';
  }

  async commit(): Promise<void> {
    if (this.#transaction === 'asked-for' && this.#waiting.length === 0) return;
    const { tag } = await this.#execute(COMMIT);
    // The server's way of saying that a statement had failed before.
    if (tag !== 'COMMIT') throw new StorageError('The database rolled the operation back.');
  }

  /** A connection that fails here is not used again, and the server rolls back by itself. */
  async rollback(): Promise<void> {
    this.#waiting = [];
    if (this.#lost || this.#transaction !== 'begun') return;
    await this.#execute(ROLLBACK).catch(() => {
      this.#lost = true;
    });
  }

  release(): void {
    this.#client.release(this.#lost);
  }

  readonly streamQuery = noStream;

  #execute(statement: Statement): Promise<Outcome> {
    return new Promise((done, failed) => {
      this.#waiting.push({ statement, done, failed });
      if (this.#sending) return;
      this.#sending = true;
      // What else is asked for in this moment goes along.
      queueMicrotask(() => {
        this.#send();
      });
    });
  }

  #send(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const statements = group.map(({ statement }) => statement);
    const begins = this.#transaction === 'asked-for';
    if (begins) {
      statements.unshift(BEGIN);
      this.#transaction = 'begun';
    }
    this.#client.query(
      new StatementGroup(
        statements,
        this.#cache,
        (type) => this.#client.getTypeParser(type, 'text') as (text: string) => unknown,
        (error, outcomes = []) => {
          this.#answer(group, error, begins ? outcomes.slice(1) : outcomes);
        },
      ),
    );
  }

  #answer(group: readonly Waiting[], error: unknown, outcomes: readonly Outcome[]): void {
    let failure: unknown;
    if (error !== null) {
      this.#lost ||= isConnectionLost(error);
      failure = asStorageFailure(error);
      if (isOutdated(failure)) this.#cache.forget();
    }
    for (const [at, { done, failed }] of group.entries()) {
      const outcome = outcomes[at];
      if (outcome === undefined) failed?.(failure ?? new StorageError('The database did not say.'));
      else done?.(outcome);
    }
    this.#sending = this.#waiting.some(({ done }) => done !== undefined);
    if (this.#sending) this.#send();
  }
}

function asStatement({ sql, parameters }: CompiledQuery): Statement {
  return { text: sql, values: parameters.map(asText) };
}

function asText(value: unknown): string | null {
  if (typeof value === 'string') return withoutNull(value);
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new TypeError('a value that no column holds');
}

function asResult<R>({ rows, tag }: Outcome): QueryResult<R> {
  for (const row of rows) {
    for (const name in row) row[name] = withNull(row[name]);
  }
  const changed = /\d+$/.exec(tag)?.[0] ?? '0';
  return { rows: [...rows] as R[], numAffectedRows: BigInt(changed) };
}
