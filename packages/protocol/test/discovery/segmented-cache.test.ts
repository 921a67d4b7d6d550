import { describe, expect, it } from 'vitest';
import { SegmentedCache } from '../../src/discovery/segmented-cache.js';

const limits = { maxEntries: 100, maxCacheBytes: 1_000_000 };

function flood(cache: SegmentedCache<string>, count: number, uses: number): void {
  for (let index = 0; index < count; index++) {
    cache.set(`stranger-${index}`, 'x', 1);
    for (let use = 0; use < uses; use++) cache.get(`stranger-${index}`);
  }
}

describe('the segmented cache', () => {
  it('holds what it is given, up to its limit', () => {
    const cache = new SegmentedCache<string>(limits);
    flood(cache, 1000, 0);
    expect(cache.size).toBe(100);
    expect(cache.peek('stranger-999')).toBe('x');
    expect(cache.peek('stranger-0')).toBeUndefined();
  });

  it('keeps an entry that was used again through a flood of newcomers', () => {
    const cache = new SegmentedCache<string>(limits);
    cache.set('honest', 'value', 1);
    cache.get('honest');
    flood(cache, 10_000, 0);
    expect(cache.get('honest')).toBe('value');
  });

  it('keeps an entry in steady use through a flood of newcomers that use theirs as well', () => {
    const cache = new SegmentedCache<string>(limits);
    cache.set('honest', 'value', 1);
    for (let use = 0; use < 50; use++) cache.get('honest');
    flood(cache, 250, 3);
    expect(cache.get('honest')).toBe('value');
    expect(cache.size).toBe(100);
  });

  it('lets go in the end of what is no longer used', () => {
    const cache = new SegmentedCache<string>(limits);
    cache.set('former', 'value', 1);
    for (let use = 0; use < 50; use++) cache.get('former');
    flood(cache, 10_000, 3);
    expect(cache.peek('former')).toBeUndefined();
  });

  it('always has room for a newcomer', () => {
    const cache = new SegmentedCache<string>(limits);
    flood(cache, 100, 5);
    cache.set('newcomer', 'value', 1);
    expect(cache.get('newcomer')).toBe('value');
  });

  it('counts size as well as entries', () => {
    const cache = new SegmentedCache<string>({ maxEntries: 100, maxCacheBytes: 1000 });
    cache.set('honest', 'value', 100);
    cache.get('honest');
    for (let index = 0; index < 50; index++) cache.set(`large-${index}`, 'x', 300);
    expect(cache.get('honest')).toBe('value');
    expect(cache.size).toBe(4);
    cache.set('huge', 'x', 1001);
    expect(cache.size).toBeLessThanOrEqual(4);
  });

  it('replaces a value where it is, and deletes', () => {
    const cache = new SegmentedCache<string>(limits);
    cache.set('a', 'one', 1);
    cache.get('a');
    cache.set('a', 'two', 5);
    expect(cache.get('a')).toBe('two');
    expect(cache.size).toBe(1);
    cache.delete('a');
    expect(cache.size).toBe(0);
  });
});
