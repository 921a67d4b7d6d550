import { readTrail, trailLine } from '@countersign/auth-server';
import { once } from 'node:events';
import type { AuditExportOptions } from '../commands/audit.js';
import { CommandError } from '../command-error.js';
import { withExistingStorage } from '../options/database.js';
import { readSequence } from './read-sequence.js';

/** `countersign audit export`. */
export async function exportAudit({ database, from }: AuditExportOptions): Promise<void> {
  const wanted = from === undefined ? undefined : readSequence(from, '--from');
  await withExistingStorage(database, async (storage) => {
    await storage.audit.seal();
    const start = await storage.audit.start();
    const first = wanted ?? start.sequence + 1;
    if (first <= start.sequence) {
      throw new CommandError(
        `The trail begins with entry ${start.sequence + 1}: those before it have been pruned.`,
      );
    }
    let previous = start.hash;
    // What stands before the first one wanted is on its line too.
    const reading = readTrail(storage, first === start.sequence + 1 ? first : first - 1);
    for await (const entry of reading) {
      if (entry.sequence >= first) await print(trailLine(entry, previous));
      previous = entry.hash;
    }
  });
}

/** A trail may be longer than memory: not faster than whoever reads. */
async function print(line: string): Promise<void> {
  if (!process.stdout.write(line)) await once(process.stdout, 'drain');
}
