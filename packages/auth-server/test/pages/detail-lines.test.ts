import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detailLines, MAX_DETAIL_LINES } from '../../src/pages/detail-lines.js';

const one = (detail: unknown) => detailLines([detail]);

describe('authorization details', () => {
  it('become lines in document order, with the way to each value', () => {
    expect(
      one({ type: 'payment', actions: ['read', 'pay'], to: { iban: 'X1', ok: true, at: null } }),
    ).toEqual({
      groups: [
        [
          { label: 'type', value: 'payment' },
          { label: 'actions', value: 'read, pay' },
          { label: 'to › iban', value: 'X1' },
          { label: 'to › ok', value: 'yes' },
          { label: 'to › at', value: '–' },
        ],
      ],
      complete: true,
    });
  });

  it('stay apart from one another', () => {
    expect(detailLines([{ type: 'a' }, { type: 'b' }]).groups).toEqual([
      [{ label: 'type', value: 'a' }],
      [{ label: 'type', value: 'b' }],
    ]);
  });

  it('number the members of a list of objects', () => {
    expect(one({ items: [{ id: 1 }, { id: 2 }] }).groups[0]).toEqual([
      { label: 'items › 1 › id', value: '1' },
      { label: 'items › 2 › id', value: '2' },
    ]);
  });

  it('leave out no member, not even one that has nothing in it', () => {
    expect(one({ type: 'a', everything: {}, some: [{}] })).toEqual({
      groups: [
        [
          { label: 'type', value: 'a' },
          { label: 'everything', value: '–' },
          { label: 'some › 1', value: '–' },
        ],
      ],
      complete: true,
    });
  });

  it('are declared incomplete when there are more lines than a page shows', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, at]));
    const { groups, complete } = one(many);
    expect(groups[0]).toHaveLength(MAX_DETAIL_LINES);
    expect(complete).toBe(false);
    expect(detailLines(Array.from({ length: 100 }, () => ({ a: 1 }))).complete).toBe(false);
    expect(detailLines(Array.from({ length: 100 }, () => ({}))).complete).toBe(false);
    expect(detailLines(Array.from({ length: MAX_DETAIL_LINES }, () => ({ a: 1 }))).complete).toBe(
      true,
    );
  });

  it('are declared incomplete when anything had to be cut off or lies too deep', () => {
    expect(one({ note: 'x'.repeat(5000) }).complete).toBe(false);
    expect(one({ ['k'.repeat(5000)]: 1 }).complete).toBe(false);
    expect(one({ list: Array.from({ length: 500 }, () => 'x') }).complete).toBe(false);
    let deep: unknown = 'end';
    for (let at = 0; at < 5000; at += 1) deep = { in: deep };
    expect(one(deep).complete).toBe(false);
    expect(one({ a: { b: { c: 1 } } }).complete).toBe(true);
  });

  it('stay bounded and clean for any JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (details) => {
        const lines = detailLines(details).groups.flat();
        expect(lines.length).toBeLessThanOrEqual(MAX_DETAIL_LINES);
        for (const { label, value } of lines) expect(label + value).not.toMatch(/\p{C}/u);
      }),
    );
  });
});
