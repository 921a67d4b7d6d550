import type { Clock } from '../clock.js';
import { boundedReplayStore, type ReplayTable } from './bounded-replay-store.js';
import type { ReplayLimits, ReplayStore } from './replay-store.js';

/** Entries by owner, so that counting one owner and expiring looks at nobody else's. */
class MemoryTable implements ReplayTable {
  readonly #owners = new Map<string, Map<string, number>>();

  async insert(
    { key, owner, expiresAt }: { key: string; owner: string; expiresAt: number },
    now: number,
  ): Promise<boolean> {
    const entries = this.#owners.get(owner) ?? new Map<string, number>();
    this.#owners.set(owner, entries);
    const held = entries.get(key);
    if (held !== undefined && held > now) return false;
    entries.set(key, expiresAt);
    return true;
  }

  async count(owner: string, now: number): Promise<number> {
    this.#expire(now);
    if (owner !== 'identities') return this.#owners.get(owner)?.size ?? 0;
    let total = 0;
    for (const [one, entries] of this.#owners) total += one === '' ? 0 : entries.size;
    return total;
  }

  async deleteExpired(now: number): Promise<void> {
    this.#expire(now);
  }

  #expiredAt = -Infinity;
  #expire(now: number): void {
    if (now === this.#expiredAt) return;
    this.#expiredAt = now;
    for (const [owner, entries] of this.#owners) {
      for (const [key, expiresAt] of entries) if (expiresAt <= now) entries.delete(key);
      if (entries.size === 0) this.#owners.delete(owner);
    }
  }
}

export interface MemoryReplayOptions extends ReplayLimits {
  readonly clock: Clock;
  /** Seconds that `created` may lie from now at the receiver; default 60. */
  readonly windowSeconds?: number;
  /**
   * Accept requests that may have been accepted before this process started. Only where nothing could have been: in
   * tests, and with keys that are made at start.
   */
  readonly nothingBeforeStart?: boolean;
}

/**
 * A replay store in memory, for tests and single small servers. It has forgotten everything after a restart, so it
 * refuses what may have been accepted before: every request to be remembered whose `created` is not later than its
 * start plus the window. For a minute after a start, unsafe methods are refused. Keep records in a database where that
 * matters or several processes share a resource.
 */
export function memoryReplayStore(options: MemoryReplayOptions): ReplayStore {
  const { clock, windowSeconds = 60, nothingBeforeStart = false } = options;
  const remembersFrom = nothingBeforeStart ? -Infinity : clock() + windowSeconds;
  const store = boundedReplayStore(new MemoryTable(), { maxEntries: 200_000, ...options });
  return {
    remember: async (record, now) =>
      record.created <= remembersFrom ? 'before-start' : await store.remember(record, now),
  };
}
