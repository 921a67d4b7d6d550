import { DeleteResult, type InsertResult, type Kysely, UpdateResult } from 'kysely';
import { setTimeout as pause } from 'node:timers/promises';
import type { RequestScope } from '../../observability/request-scope.js';
import type { StorageWatch } from '../../observability/watch-storage.js';
import type { PoolUse } from '../health.js';
import { StorageError } from '../storage-error.js';
import { reachConnection } from './prepared-query.js';
import type { Schema } from './schema.js';
import type { DecidedWrite, Dialect, SqlEngine } from './sql-engine.js';

/** Something that runs queries: the database itself or a transaction on it. */
export type Queries = Kysely<Schema>;

/** How often a transaction that has given way to another is run again, and how long it pauses before. */
const MAX_RUNS = 10;
const PAUSE_MILLISECONDS = 5;

export interface WriteOptions {
  /**
   * Names of what no other transaction with one of these names may decide upon at the same time: for decisions about
   * rows that do not exist yet, which cannot be locked. Taken in the order given; give them in the same order everywhere.
   */
  readonly alone?: readonly string[];
}

const KEPT = Promise.resolve();

/** The requests that transactions belong to; where one runs at a time, they have their queries in common. */
const scopes = new WeakMap<Queries, RequestScope>();

/** The request that a transaction belongs to; `undefined` when no request caused it. */
export function scopeOf(queries: Queries): RequestScope | undefined {
  return scopes.get(queries);
}

/** Transactions that exclude every other one. */
const lone = new WeakSet<Queries>();

/** Whether nobody else writes before this transaction ends (SQLite), so that what it has read needs no holding. */
export function isOnlyWriter(queries: Queries): boolean {
  return lone.has(queries);
}

/** What those who reach one database for different requests have in common. */
interface Life {
  running: number;
  whenIdle: () => void;
  closing: Promise<void> | undefined;
  watch: StorageWatch | undefined;
}

/** The two ways in which the stores reach the database. */
export class SqlDatabase {
  readonly #queries: Queries;
  readonly #engine: SqlEngine;
  readonly #life: Life;
  /** The request that it is reached for. */
  readonly scope: RequestScope | undefined;

  constructor(
    queries: Queries,
    engine: SqlEngine,
    life: Life = { running: 0, whenIdle: () => undefined, closing: undefined, watch: undefined },
    scope?: RequestScope,
  ) {
    this.#queries = queries;
    this.#engine = engine;
    this.#life = life;
    this.scope = scope;
  }

  /** The same database, reached for a request: what is told and recorded names it. */
  during(scope: RequestScope): SqlDatabase {
    return new SqlDatabase(this.#queries, this.#engine, this.#life, scope);
  }

  /** From now on every operation is told of. */
  watch(watch: StorageWatch): void {
    this.#life.watch = watch;
  }

  /** Runs one query. */
  read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#run('read', () => work(this.#queries));
  }

  /**
   * Runs `work` as one transaction. `work` must have no effect but on the database, since it may be run again.
   *
   * On SQLite it excludes every other transaction, in this process and in others. On PostgreSQL (READ COMMITTED)
   * others run beside it, and each statement sees what has been committed by then. What a transaction decides upon it
   * must therefore
   *
   * - test in the condition of the one statement that writes, or
   * - read with `forShare` (it must not change before this commits) or `forNoKeyUpdate` (this will change it), or
   * - name in `alone`, when it is about rows that do not exist yet.
   *
   * Locks are taken in this order, so that nobody waits in a circle: names, people, questions, grants, codes, refresh
   * tokens, anything else.
   */
  write<T>(work: (queries: Queries) => Promise<T>, { alone = [] }: WriteOptions = {}): Promise<T> {
    const { shared } = this.#engine;
    return this.#run('write', () =>
      shared === undefined
        ? this.#transaction(work, alone)
        : shared.write((queries) => {
            lone.add(queries);
            return work(this.#own(queries));
          }),
    );
  }

  /** See {@link SqlEngine.emptyJournal}. For secrets that were replaced; nothing is lost when it fails. */
  async emptyJournal(): Promise<void> {
    await this.read(async (queries) => await this.#engine.emptyJournal?.(queries));
  }

  /**
   * Carries out `work`, a prepared query that writes one row and whose first parameter is its key, as a transaction of its
   * own, and resolves as soon as that has been decided: `kept` may still be to come, and whoever is told of the value must
   * not hear of it before. Rejects when it failed earlier.
   */
  async writeSoon<T>(work: (queries: Queries) => Promise<T>): Promise<DecidedWrite<T>> {
    const { shared } = this.#engine;
    if (shared === undefined) {
      const { gathered = this.#queries } = this.#engine;
      return { value: await this.#run('write', () => work(gathered)), kept: KEPT };
    }
    const ended = this.#begin('write');
    try {
      const decided = await shared.writeSoon(work);
      decided.kept.then(() => {
        ended();
      }, ended);
      return decided;
    } catch (error) {
      ended(error);
      throw error;
    }
  }

  get dialect(): Dialect {
    return this.#engine.dialect;
  }

  isMissingTable(error: unknown): boolean {
    return this.#engine.isMissingTable(error);
  }

  poolUse(): PoolUse | undefined {
    return this.#engine.poolUse?.();
  }

  /** Waits for what is running; what is asked for from now on is refused. */
  async close(): Promise<void> {
    this.#life.closing ??= this.#idle()
      .then(() => this.#queries.destroy())
      .then(() => this.#life.watch?.closed());
    await this.#life.closing;
  }

  /** Notes what request a transaction that begins belongs to. */
  #own(queries: Queries): Queries {
    if (this.scope === undefined) scopes.delete(queries);
    else scopes.set(queries, this.scope);
    return queries;
  }

  async #transaction<T>(
    work: (queries: Queries) => Promise<T>,
    alone: readonly string[],
  ): Promise<T> {
    for (let run = 1; ; run++) {
      try {
        return await this.#queries.transaction().execute(async (transaction) => {
          await reachConnection(transaction);
          for (const name of alone) await this.#engine.holdName?.(transaction, name);
          return await work(this.#own(transaction));
        });
      } catch (error) {
        if (run === MAX_RUNS || this.#engine.gaveWay?.(error) !== true) throw error;
      }
      await pause(PAUSE_MILLISECONDS);
    }
  }

  async #run<T>(kind: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    const ended = this.#begin(kind);
    try {
      const value = await work();
      ended();
      return value;
    } catch (error) {
      ended(error);
      throw error;
    }
  }

  /** To be told how the operation ended. */
  #begin(kind: 'read' | 'write'): (failure?: unknown) => void {
    const life = this.#life;
    if (life.closing !== undefined) throw new StorageError('The database has been closed.');
    life.running += 1;
    const told = life.watch?.begin(kind, this.scope);
    return (failure) => {
      told?.(failure);
      life.running -= 1;
      if (life.running === 0) life.whenIdle();
    };
  }

  async #idle(): Promise<void> {
    if (this.#life.running === 0) return;
    await new Promise<void>((resolve) => {
      this.#life.whenIdle = resolve;
    });
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
