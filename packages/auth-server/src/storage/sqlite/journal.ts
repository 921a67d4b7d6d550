import { close, fdatasync, fsync, open } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const openFile = promisify(open);
const syncAll = promisify(fsync);
const closeFile = promisify(close);

/**
 * The write-ahead journal beside a database file, to wait until what has been committed there is on the disk. SQLite holds
 * no lock on it, so that to open and close it once more takes none away; and it stays the same file while the database is
 * open.
 */
export class Journal {
  readonly #path: string;
  #opening: Promise<number> | undefined;
  #descriptor: number | undefined;

  constructor(database: string) {
    this.#path = `${database}-wal`;
  }

  /** On another thread. There has to have been a commit. */
  async sync(): Promise<void> {
    this.#opening ??= this.#open();
    const descriptor = (this.#descriptor ??= await this.#opening);
    await new Promise<void>((resolve, reject) => {
      fdatasync(descriptor, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  async close(): Promise<void> {
    // There is nothing to close when it could not be opened; whoever waited for it has been told.
    await this.#opening?.then(closeFile, () => undefined);
    this.#opening = undefined;
    this.#descriptor = undefined;
  }

  async #open(): Promise<number> {
    const descriptor = await openFile(this.#path, 'r+');
    await syncDirectory(dirname(this.#path));
    return descriptor;
  }
}

/**
 * The journal's name, which may have been made a moment ago. Where a directory cannot be opened or synced, as on Windows and
 * on some file systems, SQLite does without it, and so does this.
 */
async function syncDirectory(path: string): Promise<void> {
  try {
    const descriptor = await openFile(path, 'r');
    try {
      await syncAll(descriptor);
    } finally {
      await closeFile(descriptor);
    }
  } catch {
    // What matters is in the journal itself.
  }
}
