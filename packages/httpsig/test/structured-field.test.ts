import { describe, expect, it } from 'vitest';
import { type BareItem, isKey, parseDictionary, parseItem, serializeString } from '../src/index.js';
import { ruleOf } from './support.js';

const read = (text: string): BareItem => parseItem(text, 'Test').value;

describe('an item is read', () => {
  it.each<[string, string, BareItem]>([
    ['an integer', '42', { type: 'integer', value: 42 }],
    ['zero', '0', { type: 'integer', value: 0 }],
    ['a negative integer', '-42', { type: 'integer', value: -42 }],
    ['an integer with leading zeros', '007', { type: 'integer', value: 7 }],
    ['an integer of 15 digits', '999999999999999', { type: 'integer', value: 999999999999999 }],
    ['a decimal', '4.5', { type: 'decimal', value: 4.5 }],
    ['a whole decimal, which stays a decimal', '1.0', { type: 'decimal', value: 1 }],
    ['a decimal at its limits', '123456789012.125', { type: 'decimal', value: 123456789012.125 }],
    ['a string', '"a b"', { type: 'string', value: 'a b' }],
    ['an empty string', '""', { type: 'string', value: '' }],
    ['escapes in a string', '"\\"\\\\"', { type: 'string', value: '"\\' }],
    ['a token', 'httpsig', { type: 'token', value: 'httpsig' }],
    [
      'a token of every kind of character',
      "*a/b:c!#$%&'*+-.^_`|~Z0",
      {
        type: 'token',
        value: "*a/b:c!#$%&'*+-.^_`|~Z0",
      },
    ],
    ['bytes', ':Zg==:', { type: 'bytes', value: new Uint8Array([0x66]) }],
    ['no bytes', '::', { type: 'bytes', value: new Uint8Array() }],
    ['true', '?1', { type: 'boolean', value: true }],
    ['false', '?0', { type: 'boolean', value: false }],
    ['an item between spaces', '  a  ', { type: 'token', value: 'a' }],
  ])('%s', (_what, text, item) => {
    expect(read(text)).toEqual(item);
  });

  it('with its parameters', () => {
    const { parameters } = parseItem('httpsig; a=1;b;c="x";*d=tok', 'Test');
    expect([...parameters]).toEqual([
      ['a', { type: 'integer', value: 1 }],
      ['b', { type: 'boolean', value: true }],
      ['c', { type: 'string', value: 'x' }],
      ['*d', { type: 'token', value: 'tok' }],
    ]);
  });
});

describe('an item is refused', () => {
  it.each([
    ['that is empty', ''],
    ['that is only spaces', '  '],
    ['after a tab', '\ta'],
    ['before a tab', 'a\t'],
    ['with text after it', 'a b'],
    ['with a comma after it', 'a,'],
    ['with a line feed after it', 'a\n'],
    ['that is a list', '(a)'],
    ['with a character outside ASCII in a token', 'é'],
    ['with a sign and no digits', '-'],
    ['with two signs', '--1'],
    ['with a plus sign', '+1'],
    ['that is an integer of 16 digits', '1000000000000000'],
    ['that is a decimal of 13 digits before the point', '1234567890123.0'],
    ['that is a decimal of 4 digits after the point', '1.0001'],
    ['that is a decimal without digits after the point', '1.'],
    ['that is a decimal without digits before the point', '.5'],
    ['that is a decimal with two points', '1.0.0'],
    ['in exponent notation', '1e3'],
    ['that is a string without an end', '"abc'],
    ['that is a string ending in an escape', '"abc\\'],
    ['that is a string whose only quote is escaped', '"abc\\"'],
    ['that is a string with a foreign escape', '"a\\nb"'],
    ['that is a string with a tab', '"a\tb"'],
    ['that is a string with a DEL', '"a\x7fb"'],
    ['that is a string with a NUL', '"a\0b"'],
    ['that is a string with a character outside ASCII', '"é"'],
    ['that is a string in single quotes', "'a'"],
    ['that is a boolean without a value', '?'],
    ['that is a boolean of another value', '?2'],
    ['that is a boolean spelt out in full', '?true'],
    ['that is bytes without an end', ':Zg=='],
    ['that is bytes without padding', ':Zg:'],
    ['that is bytes with a spare bit set', ':Zh==:'],
    ['that is bytes in base64url', ':-_8=:'],
    ['that is bytes with a space', ':Zg== :'],
    ['that is a date of RFC 9651', '@1659578233'],
    ['that is a display string of RFC 9651', '%"a"'],
    ['with a parameter given twice', 'a;b=1;b=1'],
    ['with a parameter given twice with different values', 'a;b=1;c;b=2'],
    ['with an upper-case parameter', 'a;B=1'],
    ['with a parameter without a name', 'a;'],
    ['with a parameter without a value after its sign', 'a;b='],
    ['with a space before the semicolon', 'a ;b'],
    ['with a space before the equals sign', 'a;b =1'],
    ['with a space after the equals sign', 'a;b= 1'],
    ['with a tab after the semicolon', 'a;\tb'],
    ['with a list as a parameter', 'a;b=(1)'],
  ])('%s', (_what, text) => {
    expect(ruleOf(() => read(text))).toBe('header_malformed');
  });

  it('by a sentence that names the field and not the value', () => {
    expect(() => parseItem('"secret', 'Agent-Auth')).toThrow(/^Agent-Auth: /);
    expect(() => parseItem('"secret', 'Agent-Auth')).not.toThrow(/secret/);
  });
});

describe('a dictionary is read', () => {
  const entries = (text: string) =>
    [...parseDictionary(text, 'Test')].map(([key, { raw }]) => [key, raw]);

  it.each<[string, string, string[][]]>([
    ['with one member', 'a=1', [['a', '1']]],
    [
      'with members parted by a comma and any optional space',
      'a=1 \t, \t b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'with members that have no value',
      'a, b;c=1',
      [
        ['a', ''],
        ['b', ';c=1'],
      ],
    ],
    [
      'with lists, whose text is kept as sent',
      'a=(  "x"  y;p );q=1 , b',
      [
        ['a', '(  "x"  y;p );q=1'],
        ['b', ''],
      ],
    ],
    ['with an empty list', 'a=()', [['a', '()']]],
    ['with a comma inside a string', 'a="x, b=2"', [['a', '"x, b=2"']]],
    ['with no members', '', []],
  ])('%s', (_what, text, members) => {
    expect(entries(text)).toEqual(members);
  });

  it('with keys that every object has, as plain keys', () => {
    expect([...parseDictionary('constructor=1, valueof', 'Test').keys()]).toEqual([
      'constructor',
      'valueof',
    ]);
  });
});

describe('a dictionary is refused', () => {
  it.each([
    ['with a member given twice', 'header_repeated', 'a=1, a=1'],
    ['with a member given twice among others', 'header_repeated', 'a=1, b, a=2'],
    ['with an upper-case key', 'header_malformed', 'A=1'],
    ['with a key that starts with a digit', 'header_malformed', '1a=1'],
    ['with a key outside ASCII', 'header_malformed', 'é=1'],
    ['with a comma at the end', 'header_malformed', 'a=1,'],
    ['with a comma and a space at the end', 'header_malformed', 'a=1, '],
    ['with a comma at the beginning', 'header_malformed', ', a=1'],
    ['with two commas', 'header_malformed', 'a=1,, b=2'],
    ['with members parted by a space only', 'header_malformed', 'a=1 b=2'],
    ['with an equals sign and no value', 'header_malformed', 'a='],
    ['with a space before the equals sign', 'header_malformed', 'a =1'],
    ['with a space after the equals sign', 'header_malformed', 'a= 1'],
    ['with a tab in front', 'header_malformed', '\ta=1'],
    ['with a list that is not closed', 'header_malformed', 'a=("x"'],
    ['with list items not parted by spaces', 'header_malformed', 'a=("x""y")'],
    ['with list items parted by a comma', 'header_malformed', 'a=("x", "y")'],
    ['with list items parted by a tab', 'header_malformed', 'a=("x"\t"y")'],
    ['with a list in a list', 'header_malformed', 'a=(("x"))'],
    ['with a parameter of a list given twice', 'header_malformed', 'a=();p=1;p=2'],
    ['with a parameter of a list item given twice', 'header_malformed', 'a=("x";p;p)'],
    ['with a parameter of a member given twice', 'header_malformed', 'a;p;p'],
    ['with text after a list', 'header_malformed', 'a=()x'],
  ] as const)('%s', (_what, rule, text) => {
    expect(ruleOf(() => parseDictionary(text, 'Test'))).toBe(rule);
  });
});

describe('a string is written', () => {
  it('with quotes and backslashes escaped', () => {
    expect(serializeString('a "b" \\c')).toBe('"a \\"b\\" \\\\c"');
  });

  it.each([
    ['a line feed', 'a\nb'],
    ['a line feed at the end', 'a\n'],
    ['a tab', '\t'],
    ['a DEL', '\x7f'],
    ['a character outside ASCII', 'é'],
  ])('never with %s', (_what, text) => {
    expect(() => serializeString(text)).toThrow(TypeError);
  });
});

describe('a key', () => {
  it.each(['sig1', '*', 'a', 'a-b_c.d*'])('may be %s', (text) => {
    expect(isKey(text)).toBe(true);
  });

  it.each(['', '1a', 'A', 'aB', '-a', 'a b', 'a=', 'é', 'a\n'])('may not be %j', (text) => {
    expect(isKey(text)).toBe(false);
  });
});
