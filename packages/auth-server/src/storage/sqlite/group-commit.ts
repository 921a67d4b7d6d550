import { setTimeout as pause } from 'node:timers/promises';
import type { DecidedWrite } from '../sql/sql-engine.js';
import { StorageError } from '../storage-error.js';
import type { SameFile } from './same-file.js';
import { SharedTransaction } from './shared-transaction.js';
import type { SqliteConnection } from './sqlite-connection.js';
import { SyncLine } from './sync-line.js';

/** What a database that is a file needs beside the connection. */
export interface FileWatch {
  /** Nothing is begun once it is another file than was opened. */
  readonly file: SameFile;
  /** Waits until what has been committed is on the disk. */
  readonly sync: () => Promise<void>;
}

/**
 * Whoever commits and begins again in one go lets nobody else have the lock: other processes look for it every few
 * milliseconds, and not in between. After so much work it is left alone for so long.
 */
const WORK_MILLISECONDS = 100;
const REST_MILLISECONDS = 3;

/**
 * Commits once per turn of the event loop. Writers come one after another, each as a part that can be undone by itself
 * inside one `begin immediate`; when the turn ends, and so nobody is waiting any more, one commit keeps them all. Then
 * another thread waits for the disk, which is most of what a write costs, while those who come next are already at work:
 * they are committed when the disk has what was before them.
 *
 * Nobody hears an answer before that, not even one whose own part was undone: it may have decided by rows of others that
 * are not on the disk yet. When SQLite undoes the whole, all writers are told that nothing was kept.
 */
export class GroupCommit {
  readonly #connection: SqliteConnection;
  readonly #file: SameFile | undefined;
  /** Undefined in memory. */
  readonly #disk: SyncLine | undefined;
  readonly #line: (() => void)[] = [];
  #taken = false;
  #open: SharedTransaction | undefined;
  /** That of whoever has the turn. */
  #current: SharedTransaction | undefined;
  #committedAt = 0;
  #restedAt = 0;

  constructor(connection: SqliteConnection, watch?: FileWatch) {
    this.#connection = connection;
    this.#file = watch?.file;
    if (watch !== undefined) {
      this.#disk = new SyncLine(watch.sync, () => {
        this.#commitWhenIdle();
      });
    }
  }

  /**
   * Carries out `work` in its turn, as a part of the open transaction. Settles as `work` did, once whatever it may have
   * decided by is on the disk; with a `StorageError` when that could not be kept.
   */
  async write<T>(work: () => Promise<T>): Promise<T> {
    const shared = this.#enterAtOnce() ?? (await this.#enter());
    // Whoever comes first can be undone with the whole; the others need a mark to go back to.
    const alone = !shared.hasWriters;
    let value: T;
    try {
      if (!alone) this.#mark(shared);
      value = await work();
    } catch (error) {
      this.#leave(shared, alone ? () => this.#takeBack(shared) : () => this.#undoToMark());
      await shared.ended;
      throw error;
    }
    this.#leave(shared, alone ? undefined : () => this.#connection.run('release writer'));
    await shared.ended;
    return value;
  }

  /**
   * The same for `work` that is a single statement, which SQLite undoes by itself when it fails. Resolves as soon as that
   * has been decided; `kept` resolves once it is on the disk.
   */
  async writeSoon<T>(work: () => Promise<T>): Promise<DecidedWrite<T>> {
    const shared = this.#enterAtOnce() ?? (await this.#enter());
    let value: T;
    try {
      value = await work();
    } catch (error) {
      this.#leave(shared);
      await shared.ended;
      throw error;
    }
    this.#leave(shared);
    return { value, kept: shared.ended };
  }

  /** Throws when whoever has the turn may not go on: SQLite has undone the whole, or nobody has it. */
  requireOpen(): void {
    if (this.#current === undefined) throw new StorageError('The transaction has ended.');
    this.#current.requireOpen();
  }

  /** Throws once the disk has refused what was committed: then nothing that is seen is certain to be kept. */
  requireKept(): void {
    this.#disk?.require();
  }

  /** To be called after a statement has failed: SQLite may have rolled back more than the statement. */
  noteFailure(error: unknown): void {
    if (this.#current !== undefined && !this.#connection.inTransaction) {
      this.#abandon(this.#current, error);
    }
  }

  /** Runs `work` in its turn and outside of any transaction. */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken) await this.#turn();
    this.#taken = true;
    try {
      this.#commit();
      await this.#disk?.settled();
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** The open transaction, when nobody has the turn: most of the time where many write. */
  #enterAtOnce(): SharedTransaction | undefined {
    if (this.#taken || this.#open === undefined) return undefined;
    this.#taken = true;
    this.#current = this.#open;
    return this.#open;
  }

  async #enter(): Promise<SharedTransaction> {
    if (this.#taken) await this.#turn();
    this.#taken = true;
    try {
      this.#open ??= await this.#begin();
    } catch (error) {
      this.#passOn();
      throw error;
    }
    this.#current = this.#open;
    return this.#open;
  }

  async #begin(): Promise<SharedTransaction> {
    this.#file?.require();
    this.#disk?.require();
    // Left open only by a rollback that failed.
    if (this.#connection.inTransaction) this.#connection.run('rollback');
    const now = performance.now();
    if (now - this.#committedAt >= REST_MILLISECONDS) this.#restedAt = now;
    else if (now - this.#restedAt >= WORK_MILLISECONDS) await this.#rest();
    if (!this.#connection.executeIfFree('begin immediate')) {
      await this.#connection.execute('begin immediate');
    }
    return new SharedTransaction();
  }

  async #rest(): Promise<void> {
    await pause(REST_MILLISECONDS);
    this.#restedAt = performance.now();
  }

  #mark(shared: SharedTransaction): void {
    try {
      this.#connection.run('savepoint writer');
    } catch (error) {
      this.#abandon(shared, error);
      throw error;
    }
  }

  #undoToMark(): void {
    this.#connection.run('rollback to writer');
    this.#connection.run('release writer');
  }

  /** What nobody else has had a part in; what was committed before it, it may have decided by. */
  #takeBack(shared: SharedTransaction): void {
    this.#connection.run('rollback');
    this.#open = undefined;
    if (this.#disk?.isBusy === true) this.#disk.add(shared);
    else shared.committed();
  }

  #leave(shared: SharedTransaction, end?: () => void): void {
    this.#current = undefined;
    shared.join();
    if (end !== undefined && this.#open === shared) {
      try {
        end();
      } catch (error) {
        this.#abandon(shared, error);
      }
    }
    this.#passOn();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#line.push(resolve));
  }

  #passOn(): void {
    const full = this.#open?.isFull === true;
    if (full) this.#commit();
    const next = this.#line.shift();
    if (next === undefined) {
      this.#taken = false;
      // What else this turn of the event loop brings comes before that, and what was committed before.
      if (this.#open !== undefined && this.#disk?.isBusy !== true) {
        setImmediate(() => this.#commitWhenIdle());
      }
    } else if (full) {
      setImmediate(next);
    } else {
      next();
    }
  }

  /** Whoever has the turn by then brings the commit with them when they pass it on. */
  #commitWhenIdle(): void {
    if (!this.#taken) this.#commit();
  }

  #commit(): void {
    const shared = this.#open;
    if (shared === undefined) return;
    try {
      this.#connection.run('commit');
    } catch (error) {
      this.#abandon(shared, error);
      return;
    }
    this.#open = undefined;
    this.#committedAt = performance.now();
    if (this.#disk === undefined) shared.committed();
    else this.#disk.add(shared);
  }

  /** Nothing of it is kept, and nobody is told otherwise. */
  #abandon(shared: SharedTransaction, error: unknown): void {
    if (this.#open === shared) this.#open = undefined;
    try {
      // SQLite rolls back by itself when the disk is full or fails.
      if (this.#connection.inTransaction) this.#connection.run('rollback');
    } catch {
      // The first error says more; the next writer attempts it again before it begins.
    }
    shared.failed(error);
  }
}
