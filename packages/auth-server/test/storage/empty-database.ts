import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStorage } from '../../src/storage/index.js';

let made: Promise<Buffer> | undefined;

/** Writes a database with all its tables and nothing in them, which is made once: that takes longer than most tests. */
export async function copyEmptyDatabase(file: string): Promise<void> {
  made ??= make();
  writeFileSync(file, await made, { mode: 0o600 });
}

async function make(): Promise<Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-empty-'));
  try {
    const file = join(directory, 'empty.db');
    await (await openStorage(`sqlite:${file}`)).close();
    return readFileSync(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
