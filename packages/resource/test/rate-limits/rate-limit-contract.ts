import { describe, expect, it } from 'vitest';
import type { RateLimitCapacity, RateLimitCounter, RateLimitStore } from '../../src/index.js';

const NOW = 1_768_786_030;

const counter = (key: string, limit: number, change: Partial<RateLimitCounter> = {}) => ({
  key,
  limit,
  part: 'strangers' as const,
  ...change,
});

const TAKEN = { taken: true };
const spent = (retryAfterSeconds: number) => ({ taken: false, retryAfterSeconds });

/** What every store of rate limits must do. `open` makes an empty one. */
export function rateLimitContract(
  open: (capacity?: RateLimitCapacity) => Promise<RateLimitStore>,
): void {
  it('counts up to the limit and says when there is room again', async () => {
    const store = await open();
    const take = (now: number) => store.take([counter('a', 2)], now);
    expect(await take(NOW)).toEqual(TAKEN);
    expect(await take(NOW + 10)).toEqual(TAKEN);
    expect(await take(NOW + 20)).toEqual(spent(40));
    expect(await take(NOW + 59)).toEqual(spent(1));
    expect(await take(NOW + 60)).toEqual(TAKEN);
    expect(await take(NOW + 60)).toEqual(TAKEN);
    expect(await take(NOW + 60)).toEqual(spent(60));
  });

  it('counts keys apart', async () => {
    const store = await open();
    expect(await store.take([counter('a', 1)], NOW)).toEqual(TAKEN);
    expect(await store.take([counter('b', 1)], NOW)).toEqual(TAKEN);
    expect(await store.take([counter('a', 1)], NOW)).toEqual(spent(60));
  });

  it('counts on all of several counters or on none', async () => {
    const store = await open();
    const all = counter('all', 3);
    expect(await store.take([all, counter('one', 1)], NOW)).toEqual(TAKEN);
    for (let at = 0; at < 5; at += 1) {
      expect(await store.take([all, counter('one', 1)], NOW + 1)).toEqual(spent(59));
    }
    expect(await store.take([all, counter('two', 1)], NOW + 5)).toEqual(TAKEN);
    expect(await store.take([all, counter('three', 1)], NOW + 6)).toEqual(TAKEN);
    expect(await store.take([all, counter('four', 1)], NOW + 7)).toEqual(spent(53));
    expect(await store.take([counter('four', 1)], NOW + 8)).toEqual(TAKEN);
  });

  it('says the later time when two counters are used up', async () => {
    const store = await open();
    await store.take([counter('a', 1)], NOW);
    await store.take([counter('b', 1)], NOW + 30);
    const both = [counter('a', 1), counter('b', 1)];
    expect(await store.take(both, NOW + 40)).toEqual(spent(50));
  });

  it('compares with the limit that the request comes with', async () => {
    const store = await open();
    await store.take([counter('a', 2)], NOW);
    await store.take([counter('a', 2)], NOW);
    expect(await store.take([counter('a', 3)], NOW)).toEqual(TAKEN);
    expect(await store.take([counter('a', 2)], NOW)).toEqual(spent(60));
  });

  it('lets exactly the limit through among a hundred requests at once', async () => {
    const store = await open();
    const verdicts = await Promise.all(
      Array.from({ length: 100 }, () => store.take([counter('a', 7), counter('b', 90)], NOW)),
    );
    expect(verdicts.filter(({ taken }) => taken)).toHaveLength(7);
  });

  it('begins anew when the clock was set back by more than a minute', async () => {
    const store = await open();
    await store.take([counter('a', 1)], NOW);
    expect(await store.take([counter('a', 1)], NOW - 3_600)).toEqual(TAKEN);
  });

  describe('has room for so many counters', () => {
    it('and refuses a new one while a part is full, but goes on with those that it has', async () => {
      const store = await open({ maxStrangers: 2 });
      expect(await store.take([counter('a', 9)], NOW)).toEqual(TAKEN);
      expect(await store.take([counter('b', 9)], NOW)).toEqual(TAKEN);
      const refused = await store.take([counter('c', 9)], NOW + 10);
      expect(refused.taken).toBe(false);
      expect(await store.take([counter('a', 9)], NOW + 10)).toEqual(TAKEN);
    });

    it('so that strangers do not use up the room of agents, nor agents that of strangers', async () => {
      const store = await open({ maxStrangers: 1, maxAgents: 1 });
      await store.take([counter('a', 9)], NOW);
      expect((await store.take([counter('b', 9)], NOW + 10)).taken).toBe(false);
      expect(await store.take([counter('c', 9, { part: 'agents' })], NOW + 10)).toEqual(TAKEN);
      expect((await store.take([counter('d', 9, { part: 'agents' })], NOW + 20)).taken).toBe(false);
    });

    it('and has it again when their minute is over', async () => {
      const store = await open({ maxStrangers: 1 });
      await store.take([counter('a', 9)], NOW);
      expect((await store.take([counter('b', 9)], NOW + 59)).taken).toBe(false);
      expect(await store.take([counter('b', 9)], NOW + 65)).toEqual(TAKEN);
    });
  });
}
