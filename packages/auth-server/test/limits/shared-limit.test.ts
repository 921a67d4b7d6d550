import { describe, expect, it } from 'vitest';
import { SharedLimit } from '../../src/limits/shared-limit.js';
import type { LimitShare, LimitStore } from '../../src/storage/index.js';

/** What the database does, and how often it was asked. */
class Store implements LimitStore {
  readonly #used = new Map<string, number>();
  claims = 0;
  async claim({ key, endsAt, want, limit }: LimitShare) {
    this.claims += 1;
    const name = `${key} ${endsAt}`;
    const used = this.#used.get(name) ?? 0;
    const granted = Math.min(want, limit - used);
    this.#used.set(name, used + granted);
    return { granted, left: limit - used - granted };
  }
}

const NOW = 1_700_000_000;
const limitOf = (store: Store, limit: number, maxCounters?: number) =>
  new SharedLimit({
    name: 'test',
    limit,
    windowSeconds: 60,
    store,
    ...(maxCounters === undefined ? {} : { maxCounters }),
  });

async function taken(limit: SharedLimit, times: number, key = 'a', now = NOW): Promise<number> {
  let count = 0;
  for (let i = 0; i < times; i++) if ((await limit.take(key, now)) === 0) count += 1;
  return count;
}

describe('A shared limit', () => {
  it.each([1, 9, 10, 100, 6000])('of %d is kept exactly by one process', async (limit) => {
    const shared = limitOf(new Store(), limit);
    expect(await taken(shared, limit - 1)).toBe(limit - 1);
    expect(await shared.take('a', NOW)).toBe(0);
    expect(await shared.take('a', NOW)).toBeGreaterThan(0);
  });

  it('says truly when the next one fits: a second before not, then it does', async () => {
    const shared = limitOf(new Store(), 20);
    await taken(shared, 20);
    const wait = await shared.take('a', NOW);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
    expect(shared.fullFor('a', NOW)).toBe(wait);
    expect(await shared.take('a', NOW + wait - 1)).toBe(1);
    expect(shared.fullFor('a', NOW + wait)).toBe(0);
    expect(await taken(shared, 30, 'a', NOW + wait)).toBe(20);
  });

  it('counts others by themselves', async () => {
    const shared = limitOf(new Store(), 20);
    await taken(shared, 30);
    expect(await taken(shared, 30, 'b')).toBe(20);
  });

  it('asks the store for shares, not for each, and not at all for the first tenth', async () => {
    const store = new Store();
    const shared = limitOf(store, 6000);
    await taken(shared, 600);
    expect(store.claims).toBe(0);
    expect(await taken(shared, 5400)).toBe(5400);
    expect(store.claims).toBeLessThan(80);
    // What is used up is not asked for again.
    const { claims } = store;
    expect(await taken(shared, 100)).toBe(0);
    expect(store.claims).toBe(claims);
  });

  it('is shared: two processes together exceed it by a tenth at most, also at the same time', async () => {
    const store = new Store();
    const [one, other] = [limitOf(store, 1000), limitOf(store, 1000)];
    const results = await Promise.all(
      Array.from({ length: 4000 }, async (_, index) =>
        (index % 2 === 0 ? one : other).take('a', NOW),
      ),
    );
    const passed = results.filter((wait) => wait === 0).length;
    expect(passed).toBeGreaterThanOrEqual(1000);
    expect(passed).toBeLessThanOrEqual(1100);
  });

  it('is not forgotten by a restart, but for the first tenth', async () => {
    const store = new Store();
    await taken(limitOf(store, 1000), 2000);
    expect(await taken(limitOf(store, 1000), 2000)).toBe(100);
  });

  it('weighs, and lets what is lighter pass when what is heavier no longer fits', async () => {
    const shared = limitOf(new Store(), 10);
    for (let i = 0; i < 3; i++) expect(await shared.take('a', NOW, 3)).toBe(0);
    expect(await shared.take('a', NOW, 3)).toBeGreaterThan(0);
    expect(await shared.take('a', NOW, 1)).toBe(0);
    shared.giveBack('a', NOW, 2);
    expect(await shared.take('a', NOW, 3)).toBeGreaterThan(0);
    expect(await shared.take('a', NOW, 2)).toBe(0);
  });

  it('keeps its memory bounded under a flood of others, and what is in use stays', async () => {
    const shared = limitOf(new Store(), 20, 100);
    await taken(shared, 20);
    for (let i = 0; i < 5000; i++) await shared.take(`stranger ${i}`, NOW);
    expect(shared.size).toBeLessThanOrEqual(100);
    expect(await shared.take('a', NOW)).toBeGreaterThan(0);
  });

  it('passes on that the store failed, and takes again when it is back', async () => {
    const store = new Store();
    const shared = limitOf(store, 5);
    const claim = store.claim.bind(store);
    store.claim = () => Promise.reject(new Error('down'));
    await expect(shared.take('a', NOW)).rejects.toThrow('down');
    store.claim = claim;
    expect(await taken(shared, 9)).toBe(5);
  });

  it('of infinity asks nobody', async () => {
    const store = new Store();
    expect(await taken(limitOf(store, Infinity), 1000)).toBe(1000);
    expect(store.claims).toBe(0);
  });
});
