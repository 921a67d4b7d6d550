import type { Clock } from '../clock.js';
import { freshSeconds, type Lifetimes } from './cache-lifetime.js';
import { NotAdmitted } from './admit-host.js';
import { withDeadline } from './deadline.js';
import { HostRefused } from './document-fetch.js';
import { reasonOf } from './failure.js';
import { NoRoom } from './outbound-limit.js';
import { SegmentedCache, type SegmentedCacheLimits } from './segmented-cache.js';

/** A failure is not tried again for this long. Seconds. */
const FAILURE_SECONDS = 10;

/** Between two fetches of one fresh document that strangers can cause. Seconds. */
const REFRESH_SECONDS = 30;

/** What a load yields: the value made of the document, and what decides how long it is kept. */
export interface Loaded<V> {
  readonly value: V;
  readonly bytes: number;
  readonly cacheControl: string | undefined;
}

/** `known`: the document has been obtained before. */
export type Load<V> = (known: boolean) => Promise<Loaded<V>>;

/** A value with its place in the order of fetches. */
export interface Cached<V> {
  readonly value: V;
  /** Greater than {@link DocumentCache.sequence} was at any moment before the fetch began. */
  readonly sequence: number;
}

interface Entry<V> extends Cached<V> {
  readonly freshUntil: number;
  readonly staleUntil: number;
  refreshedAt: number;
}

export interface DocumentCacheOptions extends SegmentedCacheLimits {
  readonly clock: Clock;
  readonly lifetimes: Lifetimes;
  /** How long a caller who could be served stale waits for the refetch. Milliseconds. */
  readonly staleAfterMs: number;
  /** Ask whether it may be fetched for documents that have been obtained before, too. */
  readonly admitKnown?: boolean;
}

/**
 * Documents by URL (PROTOCOL section 6): one fetch in flight per URL, failures remembered briefly, stale ones used
 * within their bound when asking again fails. Failures live in a map of their own, so that they cost no entry.
 */
export class DocumentCache<V> {
  readonly #options: DocumentCacheOptions;
  readonly #entries: SegmentedCache<Entry<V>>;
  readonly #failures = new Map<string, { readonly until: number; readonly reason: string }>();
  readonly #flights = new Map<string, Promise<Entry<V>>>();
  #sequence = 0;

  constructor(options: DocumentCacheOptions) {
    this.#options = options;
    this.#entries = new SegmentedCache(options);
  }

  /** The number of the last fetch that has begun. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Entries held. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value for `key` where one is held that is fresh; counts as use. */
  fresh(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#options.clock() < entry.freshUntil
      ? entry.value
      : undefined;
  }

  /**
   * The value for `key`, from the cache while it is fresh. Rejects with what went wrong with the host, and with
   * {@link NotAdmitted} when `admit` refuses a document that has not been obtained before and nobody is fetching.
   */
  async get(key: string, load: Load<V>, admit?: () => Promise<void> | void): Promise<Cached<V>> {
    const entry = this.#entries.get(key);
    const now = this.#options.clock();
    if (entry !== undefined && now < entry.freshUntil) return entry;
    const stale = entry !== undefined && now < entry.staleUntil ? entry : undefined;
    try {
      this.#refuseIfRemembered(key, now);
      const isNew = entry === undefined || this.#options.admitKnown === true;
      if (admit !== undefined && isNew && !this.#flights.has(key)) await admitted(admit);
      const flight = this.#fetch(key, load);
      return await (stale === undefined
        ? flight
        : withDeadline(flight, this.#options.staleAfterMs));
    } catch (error) {
      if (stale !== undefined) return stale;
      throw error;
    }
  }

  /**
   * The value fetched anew, even if the one held is fresh: for a reader who missed something in it. At most once per
   * 30 seconds and key; in between it is what {@link DocumentCache.get} gives. Rejects when the fetch fails.
   */
  async refresh(key: string, load: Load<V>): Promise<Cached<V>> {
    const entry = this.#entries.peek(key);
    const flight = this.#flights.get(key);
    if (flight !== undefined) return await flight;
    if (entry === undefined) return await this.get(key, load);
    const now = this.#options.clock();
    this.#refuseIfRemembered(key, now);
    if (now - entry.refreshedAt < REFRESH_SECONDS) return entry;
    entry.refreshedAt = now;
    return await this.#fetch(key, load);
  }

  #refuseIfRemembered(key: string, now: number): void {
    const failure = this.#failures.get(key);
    if (failure === undefined) return;
    if (now < failure.until) throw new HostRefused(`${failure.reason} (remembered)`);
    this.#failures.delete(key);
  }

  #fetch(key: string, load: Load<V>): Promise<Entry<V>> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = this.#load(key, load, ++this.#sequence).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #load(key: string, load: Load<V>, sequence: number): Promise<Entry<V>> {
    const { clock, lifetimes } = this.#options;
    const before = this.#entries.peek(key);
    try {
      const { value, bytes, cacheControl } = await load(before !== undefined);
      const now = clock();
      const entry: Entry<V> = {
        value,
        sequence,
        freshUntil: now + freshSeconds(cacheControl, lifetimes),
        staleUntil: now + lifetimes.maxSeconds,
        refreshedAt: before?.refreshedAt ?? -Infinity,
      };
      this.#failures.delete(key);
      this.#entries.set(key, entry, bytes);
      return entry;
    } catch (error) {
      if (!(error instanceof NoRoom)) this.#remember(key, reasonOf(error));
      throw error;
    }
  }

  #remember(key: string, reason: string): void {
    this.#failures.delete(key);
    this.#failures.set(key, { until: this.#options.clock() + FAILURE_SECONDS, reason });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > this.#options.maxEntries && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
  }
}

async function admitted(admit: () => Promise<void> | void): Promise<void> {
  try {
    await admit();
  } catch (refusal) {
    throw new NotAdmitted(refusal);
  }
}
