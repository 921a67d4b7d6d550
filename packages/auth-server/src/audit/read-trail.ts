import type { Storage } from '../storage/index.js';
import type { ChainedEntry } from './audit-entry.js';

const PAGE = 500;

/**
 * The chained entries from `from` on (default where the chain begins), in order, a page at a time: a trail of any length
 * can be read. Entries chained meanwhile come too. Rejects with a `StorageError`.
 */
export async function* readTrail(
  storage: Pick<Storage, 'audit'>,
  from?: number,
): AsyncGenerator<ChainedEntry, void> {
  let next = from ?? (await storage.audit.start()).sequence + 1;
  for (;;) {
    const page = await storage.audit.read({ from: next, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    next = last.sequence + 1;
  }
}
