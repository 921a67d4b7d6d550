import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sqliteReplayStore } from '../src/sqlite.js';

const record = (key: string) => ({
  key,
  owner: 'https://agent.example',
  created: 100,
  expiresAt: 200,
});

it('two stores of a process on one file keep it while another process opens and closes it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-resource-'));
  const file = join(folder, 'replay.db');
  const stores = [sqliteReplayStore(file), sqliteReplayStore(file)];
  /** The last one to close a file clears away its journal: it must not take itself for the last one. */
  const another = (): string =>
    execFileSync(process.execPath, [
      '--eval',
      `const file = new (require('libsql'))(process.argv[1]);
       console.log(JSON.stringify(file.prepare('select count(*) as count from replay_entry').all([])));
       file.exec('pragma wal_checkpoint(truncate)');
       file.close();`,
      file,
    ]).toString();
  await stores[0]!.remember(record('first'), 100);
  expect(another()).toBe('[{"count":1}]\n');
  await stores[1]!.remember(record('second'), 100);
  expect(another()).toBe('[{"count":2}]\n');
  for (const store of stores) store.close();
  rmSync(folder, { recursive: true });
});
