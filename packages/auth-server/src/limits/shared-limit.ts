import { hash } from 'node:crypto';
import { SegmentedCache } from '@countersign/protocol';
import type { LimitStore } from '../storage/index.js';

export interface SharedLimitOptions {
  /** What is counted; counters of different limits never meet. */
  readonly name: string;
  /** How many are taken in one window; `Infinity` for no limit. */
  readonly limit: number;
  readonly windowSeconds: number;
  readonly store: LimitStore;
  /** Counters kept in memory; default 50,000. One that has been displaced begins anew: a flood of others is cheaper. */
  readonly maxCounters?: number;
}

/** What one process may still take in one window, and what it knows of the rest. */
interface Counter {
  readonly endsAt: number;
  available: number;
  /** What is left for all processes, as far as is known. */
  left: number;
  /** What requests wait for. */
  waiting: number;
  claim: Promise<void> | undefined;
}

/** Each process takes a tenth without asking: most counters never get that far, and cost no write. */
const FREE_SHARE = 0.1;
/** Of what is left, a process takes an eighth at a time: a few dozen writes for a counter that is used up. */
const CLAIM_SHARE = 1 / 8;

/**
 * A limit that processes share without a write for every request: each takes a tenth by itself, and the rest in shares
 * from the database, smaller ones as less is left. One process is held to the limit exactly; each further one may add
 * a tenth. A counter that is used up is not asked for again before its window ends.
 *
 * Windows have a fixed length and begin at a moment that follows from what is counted: every process knows them without
 * asking, and they do not all end at once. Within two windows twice the limit may come close together.
 */
export class SharedLimit {
  readonly #options: SharedLimitOptions;
  readonly #counters: SegmentedCache<Counter>;
  readonly #free: number;

  constructor(options: SharedLimitOptions) {
    this.#options = options;
    this.#free = Math.floor(options.limit * FREE_SHARE);
    this.#counters = new SegmentedCache({
      maxEntries: options.maxCounters ?? 50_000,
      maxCacheBytes: Number.MAX_SAFE_INTEGER,
    });
  }

  /** Counters held in memory. */
  get size(): number {
    return this.#counters.size;
  }

  /** Takes `cost`. 0: taken. Otherwise nothing was, and the seconds until the next window. Rejects as the store does. */
  take(key: string, now: number, cost = 1): number | Promise<number> {
    if (this.#options.limit === Infinity) return 0;
    const counter = this.#counter(key, now);
    if (counter.available >= cost && counter.waiting === 0) {
      counter.available -= cost;
      return 0;
    }
    if (counter.left === 0 && counter.waiting === 0) return counter.endsAt - now;
    return this.#takeShared(counter, key, cost, now);
  }

  /** Seconds until the next window when everything is used up, as far as this process knows; else 0. Takes nothing. */
  fullFor(key: string, now: number): number {
    if (this.#options.limit === Infinity) return 0;
    const counter = this.#counters.peek(key);
    const full = counter !== undefined && counter.available < 1 && counter.left === 0;
    return full && counter.endsAt > now ? counter.endsAt - now : 0;
  }

  /** Gives back what was taken a moment ago. */
  giveBack(key: string, now: number, cost = 1): void {
    const counter = this.#counters.peek(key);
    if (counter !== undefined && counter.endsAt > now) counter.available += cost;
  }

  #counter(key: string, now: number): Counter {
    const { limit, windowSeconds } = this.#options;
    const held = this.#counters.get(key);
    // Also when the clock was set back: a window is never further away than its length.
    if (held !== undefined && held.endsAt > now && held.endsAt <= now + windowSeconds) return held;
    const counter: Counter = {
      endsAt: windowEnd(key, now, windowSeconds),
      available: this.#free,
      left: limit - this.#free,
      waiting: 0,
      claim: undefined,
    };
    this.#counters.set(key, counter, 0);
    return counter;
  }

  async #takeShared(counter: Counter, key: string, cost: number, now: number): Promise<number> {
    counter.waiting += cost;
    try {
      while (counter.available < cost) {
        if (counter.left === 0) return counter.endsAt - now;
        counter.claim ??= this.#claim(counter, key).finally(() => {
          counter.claim = undefined;
        });
        await counter.claim;
      }
      counter.available -= cost;
      return 0;
    } finally {
      counter.waiting -= cost;
    }
  }

  async #claim(counter: Counter, key: string): Promise<void> {
    const { name, limit, store } = this.#options;
    const missing = counter.waiting - counter.available;
    const want = Math.max(missing, Math.ceil(counter.left * CLAIM_SHARE));
    const { granted, left } = await store.claim({
      key: hash('sha256', `${name}\n${key}`, 'base64url'),
      endsAt: counter.endsAt,
      want,
      limit: limit - this.#free,
    });
    counter.available += granted;
    counter.left = left;
  }
}

/** The end of the window in which `now` lies. */
function windowEnd(key: string, now: number, windowSeconds: number): number {
  // FNV-1a: spreads the ends, and needs to keep nothing secret.
  let spread = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) {
    spread = Math.imul(spread ^ key.charCodeAt(at), 0x01000193);
  }
  const elapsed = (Math.floor(now) + (spread >>> 0)) % windowSeconds;
  return Math.floor(now) - elapsed + windowSeconds;
}
