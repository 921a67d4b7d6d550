import { systemClock } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import type { AuditPruneOptions } from '../commands/audit.js';
import { confirmed } from '../options/confirmed.js';
import { withExistingStorage } from '../options/database.js';
import { readTime } from '../options/time.js';
import { out } from '../terminal.js';

/** `countersign audit prune`. */
export async function pruneAudit({ database, before, yes }: AuditPruneOptions): Promise<void> {
  const now = systemClock();
  const time = readTime(before, '--before', now);
  if (time > now) throw new UsageError(`--before is "${before}": that is not in the past.`);
  await withExistingStorage(database, async ({ audit }) => {
    await audit.seal();
    const { sequence: first } = await audit.start();
    const kept = (await audit.firstSince(time)) ?? (await audit.head()).sequence;
    const old = Math.max(0, kept - 1 - first);
    if (old > 0) {
      await confirmed(
        yes,
        `${old} entries of the audit trail, ${first + 1} to ${kept - 1}, are gone for good then. \`countersign audit export\` keeps them.`,
      );
    }
    const pruned = await audit.prune(time, now);
    out(
      pruned === 0
        ? 'Nothing is that old; the latest entry always stays.\n'
        : `${pruned} entries are gone. The trail begins with entry ${(await audit.start()).sequence + 1}.\n`,
    );
  });
}
