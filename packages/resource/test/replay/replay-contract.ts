import type { ReplayLimits, ReplayRecord, ReplayStore } from '@countersign/protocol';
import { expect, it } from 'vitest';

const NOW = 1_768_786_030;

const record = (key: string, change: Partial<ReplayRecord> = {}): ReplayRecord => ({
  key,
  owner: 'https://agent.example',
  created: NOW,
  expiresAt: NOW + 61,
  ...change,
});

/** What every replay store must do. `open` makes an empty one. */
export function replayContract(open: (limits?: ReplayLimits) => Promise<ReplayStore>): void {
  it('accepts a request once', async () => {
    const store = await open();
    expect(await store.remember(record('one'), NOW)).toBe('fresh');
    expect(await store.remember(record('one'), NOW)).toBe('replayed');
    expect(await store.remember(record('two'), NOW)).toBe('fresh');
  });

  it('refuses a repeat by whoever sends it', async () => {
    const store = await open();
    await store.remember(record('one'), NOW);
    expect(await store.remember(record('one', { owner: undefined }), NOW)).toBe('replayed');
  });

  it('remembers until the request is stale, and not a second less', async () => {
    const store = await open();
    await store.remember(record('one'), NOW);
    expect(await store.remember(record('one', { expiresAt: NOW + 121 }), NOW + 60)).toBe(
      'replayed',
    );
    expect(await store.remember(record('one', { expiresAt: NOW + 122 }), NOW + 61)).toBe('fresh');
    expect(await store.remember(record('one', { expiresAt: NOW + 122 }), NOW + 61)).toBe(
      'replayed',
    );
  });

  it('has one winner among a hundred equal requests at once', async () => {
    const store = await open();
    const verdicts = await Promise.all(
      Array.from({ length: 100 }, () => store.remember(record('one'), NOW)),
    );
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'replayed')).toHaveLength(99);
  });

  it('refuses, and forgets nothing, when the part of an identity is full', async () => {
    const store = await open({ maxEntriesPerIdentity: 3 });
    for (const key of ['a', 'b', 'c']) expect(await store.remember(record(key), NOW)).toBe('fresh');
    expect(await store.remember(record('d'), NOW)).toBe('full');
    for (const key of ['a', 'b', 'c']) {
      expect(await store.remember(record(key), NOW)).not.toBe('fresh');
    }
  });

  it('keeps room for one identity when another has filled its own part', async () => {
    const store = await open({ maxEntriesPerIdentity: 2 });
    for (const key of ['a', 'b']) await store.remember(record(key), NOW);
    expect(await store.remember(record('c'), NOW)).toBe('full');
    const other = record('d', { owner: 'https://other.example' });
    expect(await store.remember(other, NOW)).toBe('fresh');
  });

  it('keeps room for identities when bare keys have filled the part they share', async () => {
    const store = await open({ maxPseudonymousEntries: 2 });
    const bare = (key: string) => record(key, { owner: undefined });
    for (const key of ['a', 'b']) expect(await store.remember(bare(key), NOW)).toBe('fresh');
    expect(await store.remember(bare('c'), NOW)).toBe('full');
    expect(await store.remember(record('d'), NOW)).toBe('fresh');
  });

  it('holds all identities together to a limit, which bare keys do not count towards', async () => {
    const store = await open({ maxEntries: 2 });
    const by = (key: string, owner: string | undefined) => record(key, { owner });
    expect(await store.remember(by('a', 'https://a.example'), NOW)).toBe('fresh');
    expect(await store.remember(by('b', 'https://b.example'), NOW)).toBe('fresh');
    expect(await store.remember(by('c', 'https://c.example'), NOW)).toBe('full');
    expect(await store.remember(by('d', undefined), NOW)).toBe('fresh');
  });

  it('has room again once entries have expired', async () => {
    const store = await open({ maxEntriesPerIdentity: 2 });
    for (const key of ['a', 'b']) await store.remember(record(key), NOW);
    expect(await store.remember(record('c'), NOW)).toBe('full');
    const later = { created: NOW + 100, expiresAt: NOW + 161 };
    expect(await store.remember(record('c', later), NOW + 100)).toBe('fresh');
  });
}
