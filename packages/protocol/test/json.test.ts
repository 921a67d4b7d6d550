import { isJsonObject, parseStrictJson, parseStrictJsonBytes } from '@countersign/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const nested = (depth: number, open = '[', close = ']'): string =>
  open.repeat(depth) + close.repeat(depth);

describe('strict JSON', () => {
  it.each([
    ['{}', {}],
    ['[]', []],
    ['0', 0],
    ['"a"', 'a'],
    ['true', true],
    [' {"a" : 1 , "b" : [ {"a":1}, {"a":2} ] } ', { a: 1, b: [{ a: 1 }, { a: 2 }] }],
    ['{"a":{"a":{"a":1}}}', { a: { a: { a: 1 } } }],
    ['{"a":"a","b":"a"}', { a: 'a', b: 'a' }],
    ['{"a":"{\\"a\\":1,\\"a\\":2}"}', { a: '{"a":1,"a":2}' }],
    ['{"a":["a","a",",","{"],"b":"]"}', { a: ['a', 'a', ',', '{'], b: ']' }],
    ['{"a\\\\":1,"a":2}', { 'a\\': 1, a: 2 }],
    ['{"a\\"":1,"a":2}', { 'a"': 1, a: 2 }],
    ['{"":1,"a":2}', { '': 1, a: 2 }],
    ['{"exp":1e999}', { exp: Infinity }],
    ['{"A":1,"a":2}', { A: 1, a: 2 }],
  ])('reads %s', (text, value) => {
    expect(parseStrictJson(text)).toEqual(value);
  });

  it.each([
    ['a member given twice', '{"exp":1,"exp":2}'],
    ['a member given twice with the same value', '{"exp":1,"exp":1}'],
    ['a member given twice, far apart', '{"exp":1,"a":[{"b":{}}],"exp":2}'],
    ['a member given twice, the second escaped', '{"exp":1,"\\u0065xp":2}'],
    ['a member given twice, the first escaped', '{"\\u0065xp":1,"exp":2}'],
    ['a member given twice, escaped in upper and lower case', '{"\\u006A":1,"\\u006a":2}'],
    ['an escaped slash that is the same name', '{"a/b":1,"a\\/b":2}'],
    ['an empty name given twice', '{"":1,"":2}'],
    ['__proto__ given twice', '{"__proto__":1,"__proto__":2}'],
    ['a member given twice in an inner object', '{"cnf":{"jwk":1,"jwk":2}}'],
    ['a member given twice in an object in a list', '[{"a":1},{"a":1,"a":2}]'],
    ['a member given twice after an inner object', '{"a":{"b":1},"c":{"a":1},"a":2}'],
    ['a member given twice after an inner list', '{"a":[1,2],"a":2}'],
    ['a member given twice with white space', '{ "a"\n:1 ,\t"a" : 2 }'],
    ['nothing', ''],
    ['two values', '{} {}'],
    ['a comma at the end', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['a comment', '{"a":1/**/}'],
    ['NaN', 'NaN'],
    ['text cut off', '{"a":"'],
    ['a lone bracket', '{'],
    ['lists 33 deep', nested(33)],
    ['objects 33 deep', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
    ['lists 100,000 deep', nested(100_000)],
  ])('refuses %s', (_what, text) => {
    expect(parseStrictJson(text)).toBe(undefined);
  });

  it('reads lists and objects 32 deep', () => {
    expect(parseStrictJson(nested(32))).toBeInstanceOf(Array);
    expect(parseStrictJson(`${'{"a":'.repeat(32)}1${'}'.repeat(32)}`)).toBeInstanceOf(Object);
  });

  it('gives an object called __proto__ no power over its neighbours', () => {
    const value = parseStrictJson('{"__proto__":{"agent":"x"}}');
    expect(isJsonObject(value) && value['agent']).toBe(undefined);
  });

  it('agrees with JSON.parse about everything that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 200 },
    );
  });

  it('refuses whatever JSON.parse refuses', () => {
    const text = fc.array(fc.constantFrom(...'{}[]":,\\a1u0 '.split('')), { maxLength: 20 });
    fc.assert(
      fc.property(text, (characters) => {
        let expected: unknown;
        try {
          expected = JSON.parse(characters.join(''));
        } catch {
          expected = undefined;
        }
        const value = parseStrictJson(characters.join(''));
        if (value !== undefined) expect(value).toEqual(expected);
        if (expected === undefined) expect(value).toBe(undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('finds the second of two equal names wherever it stands', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 8 });
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }), (members) => {
        const pairs = Object.entries(members).map(
          ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
        );
        expect(parseStrictJson(`{${pairs.join()}}`)).not.toBe(undefined);
        expect(parseStrictJson(`{${pairs.join()},${pairs[0]}}`)).toBe(undefined);
      }),
      { numRuns: 100 },
    );
  });

  it('takes a time in proportion to the length of the text', () => {
    const text = `{${Array.from({ length: 20_000 }, (_, at) => `"${at}":"\\\\"`).join()}}`;
    const started = performance.now();
    expect(isJsonObject(parseStrictJson(text))).toBe(true);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('strict JSON in bytes', () => {
  it('is UTF-8', () => {
    expect(parseStrictJsonBytes(Buffer.from('{"a":"ä😀"}'))).toEqual({ a: 'ä😀' });
  });

  it.each([
    ['a byte that starts nothing', [0x22, 0xff, 0x22]],
    ['a sequence cut off', [0x22, 0xc3, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['half of a surrogate pair', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [...Buffer.from('{}', 'utf16le')]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ['no bytes', []],
  ])('refuses %s', (_what, bytes) => {
    expect(parseStrictJsonBytes(Uint8Array.from(bytes))).toBe(undefined);
  });
});

describe('a JSON object', () => {
  it.each([[{}], [{ a: 1 }]])('is %j', (value) => {
    expect(isJsonObject(value)).toBe(true);
  });
  it.each([[null], [[]], ['a'], [1], [undefined], [true]])('is not %j', (value) => {
    expect(isJsonObject(value)).toBe(false);
  });
});
