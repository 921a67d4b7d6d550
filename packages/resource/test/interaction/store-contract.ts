import { expect, it } from 'vitest';
import type { InteractionRecord, InteractionStore } from '../../src/index.js';

export const NOW = 1_768_786_030;
export const ROOM = { perOwner: 100, total: 1000 };

export const record = (
  key: string,
  change: Partial<InteractionRecord> = {},
): InteractionRecord => ({
  key,
  kind: 'pending',
  owner: 'https://agent.example',
  value: `value of ${key}`,
  expiresAt: NOW + 600,
  ...change,
});

/** What every interaction store must do. `open` makes an empty one. */
export function interactionStoreContract(open: () => Promise<InteractionStore>): void {
  it('finds what was put, under its key alone', async () => {
    const store = await open();
    expect(await store.put(record('one'), ROOM, NOW)).toBe(true);
    expect(await store.find('one', NOW)).toBe('value of one');
    expect(await store.find('two', NOW)).toBeUndefined();
  });

  it('has a record until it expires, and not a second longer', async () => {
    const store = await open();
    await store.put(record('one'), ROOM, NOW);
    expect(await store.find('one', NOW + 599)).toBe('value of one');
    expect(await store.find('one', NOW + 600)).toBeUndefined();
    expect(await store.replace('one', 'value of one', 'next', NOW + 600)).toBe(false);
    expect(await store.take('one', 'value of one', NOW + 600)).toBe(false);
  });

  it('puts a record in place of one with the same key', async () => {
    const store = await open();
    await store.put(record('one'), ROOM, NOW);
    const renewed = record('one', { value: 'next', expiresAt: NOW + 900 });
    expect(await store.put(renewed, { perOwner: 1, total: 1 }, NOW)).toBe(true);
    expect(await store.find('one', NOW + 899)).toBe('next');
  });

  it('changes a value only while it is the expected one, and leaves its end', async () => {
    const store = await open();
    await store.put(record('one'), ROOM, NOW);
    expect(await store.replace('one', 'other', 'next', NOW)).toBe(false);
    expect(await store.find('one', NOW)).toBe('value of one');
    expect(await store.replace('one', 'value of one', 'next', NOW)).toBe(true);
    expect(await store.replace('one', 'value of one', 'again', NOW)).toBe(false);
    expect(await store.find('one', NOW)).toBe('next');
    expect(await store.find('one', NOW + 600)).toBeUndefined();
  });

  it('takes a record only while its value is the expected one, and then for good', async () => {
    const store = await open();
    await store.put(record('one'), ROOM, NOW);
    expect(await store.take('one', 'other', NOW)).toBe(false);
    expect(await store.take('one', 'value of one', NOW)).toBe(true);
    expect(await store.take('one', 'value of one', NOW)).toBe(false);
    expect(await store.find('one', NOW)).toBeUndefined();
  });

  it('has one winner among a hundred who take at once, and one among those who change', async () => {
    const store = await open();
    const hundred = Array.from({ length: 100 }, (_, at) => at);
    await store.put(record('one'), ROOM, NOW);
    const changed = await Promise.all(
      hundred.map((at) => store.replace('one', 'value of one', `next ${at}`, NOW)),
    );
    expect(changed.filter(Boolean)).toHaveLength(1);
    const next = `next ${changed.indexOf(true)}`;
    expect(await store.find('one', NOW)).toBe(next);
    const taken = await Promise.all(hundred.map(() => store.take('one', next, NOW)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('refuses, and forgets nothing, when the part of an owner is full', async () => {
    const store = await open();
    const limit = { perOwner: 2, total: 1000 };
    for (const key of ['a', 'b']) expect(await store.put(record(key), limit, NOW)).toBe(true);
    expect(await store.put(record('c'), limit, NOW)).toBe(false);
    expect(await store.find('a', NOW)).toBe('value of a');
    expect(await store.find('c', NOW)).toBeUndefined();
    const other = record('d', { owner: 'https://other.example' });
    expect(await store.put(other, limit, NOW)).toBe(true);
    expect(await store.put(record('e', { kind: 'connection' }), limit, NOW)).toBe(true);
  });

  it('holds all owners together to a limit, for each kind', async () => {
    const store = await open();
    const limit = { perOwner: 10, total: 2 };
    const by = (key: string, owner: string) => record(key, { owner });
    expect(await store.put(by('a', 'https://a.example'), limit, NOW)).toBe(true);
    expect(await store.put(by('b', 'https://b.example'), limit, NOW)).toBe(true);
    expect(await store.put(by('c', 'https://c.example'), limit, NOW)).toBe(false);
    expect(await store.put(record('d', { kind: 'connection' }), limit, NOW)).toBe(true);
  });

  it('has room again once records have expired or were taken', async () => {
    const store = await open();
    const limit = { perOwner: 1, total: 1 };
    await store.put(record('a'), limit, NOW);
    expect(await store.put(record('b'), limit, NOW + 599)).toBe(false);
    const later = { expiresAt: NOW + 1200 };
    expect(await store.put(record('b', later), limit, NOW + 600)).toBe(true);
    await store.take('b', 'value of b', NOW + 601);
    expect(await store.put(record('c', later), limit, NOW + 601)).toBe(true);
  });
}
