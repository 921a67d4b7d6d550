import { describe, expect, it } from 'vitest';
import { StatementCache } from '../../src/storage/postgres/statement-cache.js';

describe('The statements that a connection keeps', () => {
  it('are known by one name each, once they have been parsed', () => {
    const cache = new StatementCache();
    const first = cache.get('select 1');
    const second = cache.get('select 2');
    expect(cache.get('select 1').name).toBe(first.name);
    expect(second.name).not.toBe(first.name);
    first.parsed = true;
    expect([cache.get('select 1').parsed, cache.get('select 2').parsed]).toEqual([true, false]);
  });

  it('have names that stand for their text on every connection, and that PostgreSQL does not cut off', () => {
    const others = new StatementCache();
    others.get('select 0');
    const { name } = new StatementCache().get('select 1');
    expect(others.get('select 1').name).toBe(name);
    expect(name).toMatch(/^countersign_.{43}$/);
    expect(name.length).toBeLessThan(64);
  });

  it('are parsed anew after five hundred uses, since tables grow', () => {
    const cache = new StatementCache();
    cache.get('select 1').parsed = true;
    for (let use = 2; use < 500; use++) expect(cache.get('select 1').parsed).toBe(true);
    expect(cache.get('select 1').parsed).toBe(false);
  });

  it('are no more than two hundred: what comes later has no name', () => {
    const cache = new StatementCache();
    for (let count = 1; count <= 200; count++) {
      expect(cache.get(`select ${count}`).name).not.toBe('');
    }
    expect(cache.get('select 201').name).toBe('');
    expect(cache.get('select 200').name).not.toBe('');
  });

  it('are all parsed anew once they are of no more use', () => {
    const cache = new StatementCache();
    for (const text of ['select 1', 'select 2']) cache.get(text).parsed = true;
    cache.forget();
    expect(['select 1', 'select 2'].map((text) => cache.get(text).parsed)).toEqual([false, false]);
  });
});
