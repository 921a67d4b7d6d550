import { StorageError } from '../storage-error.js';

/** Bounds of one transaction, so that other processes get their turn, and this one its other work. */
const MAX_WRITERS = 128;
const MAX_MILLISECONDS = 25;

/** One transaction of SQLite's and the writers that share it. `ended` rejects when nothing of it was kept. */
export class SharedTransaction {
  readonly ended: Promise<void>;
  readonly #opened = performance.now();
  #settle: { resolve: () => void; reject: (reason: StorageError) => void };
  #failure: StorageError | undefined;
  #writers = 0;

  constructor() {
    const { promise, ...settle } = withResolvers();
    this.ended = promise;
    this.#settle = settle;
    // Each writer hears of it by itself; there may be none.
    this.ended.catch(() => undefined);
  }

  get isFull(): boolean {
    return this.#writers >= MAX_WRITERS || performance.now() - this.#opened >= MAX_MILLISECONDS;
  }

  get hasWriters(): boolean {
    return this.#writers > 0;
  }

  join(): void {
    this.#writers += 1;
  }

  /** SQLite has rolled it back: a further statement would be a transaction of its own. */
  requireOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  committed(): void {
    this.#settle.resolve();
  }

  failed(cause: unknown): void {
    this.#failure ??= new StorageError('The database could not keep the operation.', {
      cause: cause instanceof StorageError ? cause.cause : cause,
    });
    this.#settle.reject(this.#failure);
  }
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  let reject: (reason: StorageError) => void = () => undefined;
  const promise = new Promise<void>((onKept, onLost) => {
    resolve = onKept;
    reject = onLost;
  });
  return { promise, resolve, reject };
}
