import type { ReplayLimits, ReplayRecord, ReplayStore, ReplayVerdict } from './replay-store.js';

/** What a database must be able to do to keep replay records. Each operation is atomic by itself. */
export interface ReplayTable {
  /** Inserts unless an entry of that key is there and has not expired. False when it is. */
  insert(entry: { key: string; owner: string; expiresAt: number }, now: number): Promise<boolean>;
  /** Entries that have not expired: of one owner, or for the owner `identities` of all identities (everything but `''`). */
  count(owner: string, now: number): Promise<number>;
  /** Deletes at most `batch` expired entries. */
  deleteExpired(now: number, batch: number): Promise<void>;
}

/** A replay store that can be told to insert in another way, for one request. */
export interface BoundedReplayStore extends ReplayStore {
  remember(
    record: ReplayRecord,
    now: number,
    insert?: ReplayTable['insert'],
  ): Promise<ReplayVerdict>;
}

/** The owner under which all bare keys are kept. */
const PSEUDONYMOUS = '';
const IDENTITIES = 'identities';

/** How long a count is relied on, in seconds, while this process adds its own insertions to it. */
const COUNT_SECONDS = 5;
const SWEEP_SECONDS = 5;
const SWEEP_BATCH = 1000;
const MAX_COUNTS = 10_000;

interface Count {
  used: number;
  readonly since: number;
}

/**
 * A replay store on a table, divided so that strangers cannot fill it for everyone. How full a part is, is counted
 * every few seconds rather than at each request: with several processes a part may exceed its limit by what they
 * insert in that time.
 */
export function boundedReplayStore(
  table: ReplayTable,
  limits: ReplayLimits = {},
): BoundedReplayStore {
  const {
    maxEntries = 1_000_000,
    maxEntriesPerIdentity = 50_000,
    maxPseudonymousEntries = 50_000,
  } = limits;
  const counts = new Map<string, Count>();
  let sweptAt = -Infinity;

  const countOf = async (owner: string, now: number): Promise<Count> => {
    const known = counts.get(owner);
    if (known !== undefined && now - known.since < COUNT_SECONDS && now >= known.since)
      return known;
    const count = { used: await table.count(owner, now), since: now };
    if (counts.size >= MAX_COUNTS) counts.clear();
    counts.set(owner, count);
    return count;
  };

  return {
    async remember({ key, owner = PSEUDONYMOUS, expiresAt }, now, insert) {
      const parts =
        owner === PSEUDONYMOUS
          ? [{ count: await countOf(PSEUDONYMOUS, now), limit: maxPseudonymousEntries }]
          : [
              { count: await countOf(owner, now), limit: maxEntriesPerIdentity },
              { count: await countOf(IDENTITIES, now), limit: maxEntries },
            ];
      if (parts.some(({ count, limit }) => count.used >= limit)) return 'full';
      const entry = { key, owner, expiresAt };
      const isNew = insert === undefined ? table.insert(entry, now) : insert(entry, now);
      if (!(await isNew)) return 'replayed';
      for (const { count } of parts) count.used += 1;
      if (now - sweptAt >= SWEEP_SECONDS) {
        sweptAt = now;
        await table.deleteExpired(now, SWEEP_BATCH);
      }
      return 'fresh';
    },
  };
}
