import {
  RATE_LIMIT_SECONDS,
  type RateLimitCapacity,
  type RateLimitPart,
  type RateLimitStore,
} from './rate-limit-store.js';

interface Counter {
  used: number;
  readonly endsAt: number;
}

/** Counters in the order in which they end, since all last a minute: those that are over stand in front. */
class Part {
  readonly #counters = new Map<string, Counter>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  forgetEnded(now: number): void {
    for (const [key, { endsAt }] of this.#counters) {
      if (!isOver(endsAt, now)) return;
      this.#counters.delete(key);
    }
  }

  /** When another request fits, in Unix seconds; `undefined` when it fits now. */
  fullUntil(key: string, limit: number): number | undefined {
    const counter = this.#counters.get(key);
    if (counter !== undefined) return counter.used < limit ? undefined : counter.endsAt;
    if (this.#counters.size < this.#capacity) return undefined;
    const [oldest] = this.#counters.values();
    return oldest?.endsAt;
  }

  add(key: string, now: number): void {
    const counter = this.#counters.get(key);
    if (counter === undefined)
      this.#counters.set(key, { used: 1, endsAt: now + RATE_LIMIT_SECONDS });
    else counter.used += 1;
  }
}

/** Over, or from a time that a clock which was set back will not reach for more than a minute. */
function isOver(endsAt: number, now: number): boolean {
  return endsAt <= now || endsAt > now + RATE_LIMIT_SECONDS;
}

/**
 * Rate limits in memory, for one process: gone with it, and not shared with others. Takes about 100 bytes for each
 * counter. Several processes behind one name need `postgresRateLimitStore` from `@countersign/resource/postgres`, or
 * each of them grants the limits anew.
 */
export function memoryRateLimitStore(capacity: RateLimitCapacity = {}): RateLimitStore {
  const { maxStrangers = 100_000, maxAgents = 100_000 } = capacity;
  const parts: Record<RateLimitPart, Part> = {
    strangers: new Part(maxStrangers),
    agents: new Part(maxAgents),
  };
  return {
    async take(counters, now) {
      parts.strangers.forgetEnded(now);
      parts.agents.forgetEnded(now);
      const until = counters
        .map(({ key, limit, part }) => parts[part].fullUntil(key, limit))
        .filter((one) => one !== undefined);
      if (until.length > 0) {
        return { taken: false, retryAfterSeconds: Math.max(1, Math.max(...until) - now) };
      }
      for (const { key, part } of counters) parts[part].add(key, now);
      return { taken: true };
    },
  };
}
