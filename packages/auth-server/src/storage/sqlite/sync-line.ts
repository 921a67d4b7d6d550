import { StorageError } from '../storage-error.js';
import type { SharedTransaction } from './shared-transaction.js';

/** Brings commits to the disk, once at a time: those that are added meanwhile go together after that. */
export class SyncLine {
  readonly #sync: () => Promise<void>;
  readonly #onSynced: () => void;
  #waiting: SharedTransaction[] = [];
  #running: Promise<void> | undefined;
  #failure: StorageError | undefined;

  /** `onSynced` is called after each time, before what waits then. */
  constructor(sync: () => Promise<void>, onSynced: () => void) {
    this.#sync = sync;
    this.#onSynced = onSynced;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /**
   * Throws once the disk has refused: a system may drop what it could not write and then report success, so that nothing
   * which builds on it is certain until the database is opened anew.
   */
  require(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Tells the writers of a transaction that has been committed once it is on the disk. */
  add(committed: SharedTransaction): void {
    this.#waiting.push(committed);
    this.#running ??= this.#run();
  }

  /** Waits for everything that has been added. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const covered = this.#waiting;
      this.#waiting = [];
      try {
        this.require();
        await this.#sync();
        for (const one of covered) one.committed();
      } catch (error) {
        this.#failure ??= new StorageError(
          'The disk has refused what was committed: look at it, and start anew.',
          { cause: error },
        );
        for (const one of covered) one.failed(this.#failure);
      }
      this.#onSynced();
    }
    this.#running = undefined;
  }
}
