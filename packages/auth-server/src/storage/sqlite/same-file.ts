import { statSync } from 'node:fs';
import { StorageError } from '../storage-error.js';

/** How long what was only read may come from a file that has been replaced. */
const FRESH_MILLISECONDS = 1_000;

/**
 * Notices when the file is not the one that was opened any more, because a backup was put in its place: what would be
 * answered from then on stands in a file without a name and is lost at the next start. Both methods throw a
 * `StorageError` then, until the process is started again.
 */
export class SameFile {
  readonly #path: string;
  readonly #opened: string;
  #lookedAt = 0;

  constructor(path: string) {
    this.#path = path;
    this.#opened = identityOf(path);
  }

  /** Before something is written. */
  require(): void {
    this.#lookedAt = performance.now();
    if (identityOf(this.#path) === this.#opened) return;
    throw new StorageError(
      'The database file has been moved, removed or replaced while it was in use: start anew.',
    );
  }

  /** Before something is read: looks once a second. */
  requireForReading(): void {
    if (performance.now() - this.#lookedAt >= FRESH_MILLISECONDS) this.require();
  }
}

function identityOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.dev}:${found.ino}`;
}
