import { IDENTITY_SCOPES, parseScope, scopeCovers } from '@countersign/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a scope value', () => {
  it.each([
    ['data.read', ['data.read']],
    ['data.read data.write', ['data.read', 'data.write']],
    ['b a b a', ['b', 'a']],
    ['https://api.example/read', ['https://api.example/read']],
    ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]],
    ['constructor __proto__', ['constructor', '__proto__']],
  ])('%s has its names in order, each once', (value, names) => {
    expect(parseScope(value)).toEqual(names);
  });

  it.each([
    ['the empty text', ''],
    ['a space', ' '],
    ['a space before', ' a'],
    ['a space after', 'a '],
    ['two spaces', 'a  b'],
    ['a tab', 'a\tb'],
    ['a line break', 'a\nb'],
    ['a quotation mark', 'a"b'],
    ['a backslash', 'a\\b'],
    ['a letter outside ASCII', 'lesen.ä'],
    ['a control character', 'a\u0000'],
    ['DEL', 'a\u007f'],
    ['65 names', Array.from({ length: 65 }, (_, at) => `s${at}`).join(' ')],
    ['more than 2,048 characters', 'a'.repeat(2049)],
    ['a list', ['a']],
    ['null', null],
    ['undefined', undefined],
    ['a number', 1],
  ])('is refused for %s', (_what, value) => {
    expect(parseScope(value)).toBe(undefined);
  });

  it('may have 64 names', () => {
    const names = Array.from({ length: 64 }, (_, at) => `s${at}`);
    expect(parseScope(names.join(' '))).toEqual(names);
  });
});

describe('held scopes cover wanted ones', () => {
  it.each([
    [['a', 'b'], ['a']],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [['a'], []],
  ])('%j covers %j', (held, wanted) => {
    expect(scopeCovers(held, wanted)).toBe(true);
  });

  it.each([
    [[], ['a']],
    [['a'], ['a', 'b']],
    [['a.b'], ['a']],
    [['a'], ['A']],
    [['a b'], ['a']],
    [['*'], ['a']],
  ])('%j does not cover %j', (held, wanted) => {
    expect(scopeCovers(held, wanted)).toBe(false);
  });

  it('as sets do', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd'));
    fc.assert(
      fc.property(names, names, (held, wanted) => {
        const covered = new Set([...held, ...wanted]).size === new Set(held).size;
        expect(scopeCovers(held, wanted)).toBe(covered);
      }),
      { numRuns: 100 },
    );
  });
});

it('the scopes that ask for claims are those of OpenID Connect', () => {
  expect(IDENTITY_SCOPES).toEqual(['openid', 'profile', 'email']);
});
