import type { Clock } from '../clock.js';
import { boundedReplayStore, type ReplayTable } from './bounded-replay-store.js';
import type { ReplayLimits, ReplayStore } from './replay-store.js';

/** Entries by key, and how many each owner has. Expired ones go when something is counted, once a second at most. */
class MemoryTable implements ReplayTable {
  readonly #entries = new Map<string, { readonly owner: string; readonly expiresAt: number }>();
  readonly #used = new Map<string, number>();
  #expiredAt = -Infinity;

  async insert(
    { key, owner, expiresAt }: { key: string; owner: string; expiresAt: number },
    now: number,
  ): Promise<boolean> {
    const held = this.#entries.get(key);
    if (held !== undefined && held.expiresAt > now) return false;
    if (held !== undefined) this.#drop(key, held.owner);
    this.#entries.set(key, { owner, expiresAt });
    this.#used.set(owner, (this.#used.get(owner) ?? 0) + 1);
    return true;
  }

  async count(owner: string, now: number): Promise<number> {
    await this.deleteExpired(now);
    if (owner !== 'identities') return this.#used.get(owner) ?? 0;
    return this.#entries.size - (this.#used.get('') ?? 0);
  }

  async deleteExpired(now: number): Promise<void> {
    if (now === this.#expiredAt) return;
    this.#expiredAt = now;
    for (const [key, { owner, expiresAt }] of this.#entries) {
      if (expiresAt <= now) this.#drop(key, owner);
    }
  }

  #drop(key: string, owner: string): void {
    this.#entries.delete(key);
    const used = (this.#used.get(owner) ?? 1) - 1;
    if (used > 0) this.#used.set(owner, used);
    else this.#used.delete(owner);
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
