import { describe, expect, it } from 'vitest';
import { parseCsv } from '../src/users/csv.js';

describe('CSV', () => {
  it('has records with the lines on which they begin', () => {
    expect(parseCsv('a,b\r\n1,"x\ny ""z"", w"\n\n,\n"last"')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 2, fields: ['1', 'x\ny "z", w'] },
      { line: 5, fields: ['', ''] },
      { line: 6, fields: ['last'] },
    ]);
  });

  it.each([
    ['', []],
    ['\n\r\n', []],
    ['a', [['a']]],
    ['a,', [['a', '']]],
    ['""', []],
    ['"",""\n', [['', '']]],
  ])('may be %j', (text, fields) => {
    expect(parseCsv(text).map((record) => record.fields)).toEqual(fields);
  });

  it('names the line of what cannot be read, and goes on with the next one', () => {
    const [first, second, third, fourth] = parseCsv('a"b,c\nd,e\n"f"g\nh');
    expect(first).toMatchObject({ line: 1, problem: expect.stringContaining('quotation mark') });
    expect(second).toEqual({ line: 2, fields: ['d', 'e'] });
    expect(third).toMatchObject({ line: 3, problem: expect.any(String) });
    expect(fourth).toEqual({ line: 4, fields: ['h'] });
    expect(parseCsv('a\n"b,c\nd')).toMatchObject([
      { line: 1 },
      { line: 2, problem: expect.any(String) },
      { line: 3, fields: ['d'] },
    ]);
  });

  it('takes a long field without trouble', () => {
    const long = 'x""'.repeat(500_000);
    expect(parseCsv(`"${long}"`)[0]?.fields[0]).toHaveLength(1_000_000);
  });
});
