import { describe, expect, it } from 'vitest';
import { StatementCache } from '../../src/storage/postgres/statement-cache.js';

describe('The statements that a connection keeps', () => {
  it('are known by one name each, once they have been parsed', () => {
    const cache = new StatementCache();
    const first = cache.get('select 1');
    const second = cache.get('select 2');
    expect([first.name, second.name, cache.get('select 1').name]).toEqual([
      'countersign_1',
      'countersign_2',
      'countersign_1',
    ]);
    first.parsed = true;
    expect([cache.get('select 1').parsed, cache.get('select 2').parsed]).toEqual([true, false]);
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
      expect(cache.get(`select ${count}`).name).toBe(`countersign_${count}`);
    }
    expect(cache.get('select 201').name).toBe('');
    expect(cache.get('select 200').name).toBe('countersign_200');
  });

  it('are all parsed anew once they are of no more use', () => {
    const cache = new StatementCache();
    for (const text of ['select 1', 'select 2']) cache.get(text).parsed = true;
    cache.forget();
    expect(['select 1', 'select 2'].map((text) => cache.get(text).parsed)).toEqual([false, false]);
  });
});
