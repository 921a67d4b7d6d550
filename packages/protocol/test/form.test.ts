import { type Bytes, type HeaderLine, utf8 } from '@countersign/httpsig';
import { FORM_TYPE, parseForm } from '@countersign/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf } from './kit.js';

const type: HeaderLine = ['Content-Type', FORM_TYPE];

const read = async (
  body: string | Bytes | undefined,
  headers: readonly HeaderLine[] = [type],
): Promise<[string, string][]> => [
  ...parseForm({ headers, body: typeof body === 'string' ? utf8(body) : body }),
];

describe('a form', () => {
  it.each<[string, [string, string][]]>([
    ['', []],
    ['a=1', [['a', '1']]],
    [
      'a=1&b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a=', [['a', '']]],
    ['a', [['a', '']]],
    ['a=b=c', [['a', 'b=c']]],
    ['a=b+c%20d', [['a', 'b c d']]],
    ['a=%C3%A4', [['a', 'ä']]],
    ['a=ä', [['a', 'ä']]],
    ['&a=1&&', [['a', '1']]],
    ['?a=1', [['?a', '1']]],
    ['__proto__=1', [['__proto__', '1']]],
    [
      'a[]=1&A=2',
      [
        ['a[]', '1'],
        ['A', '2'],
      ],
    ],
  ])('"%s" is read', async (body, pairs) => {
    expect(await read(body)).toEqual(pairs);
  });

  it('is read as browsers read it, whatever is in it', async () => {
    const character = fc.constantFrom(...Array.from('ab=&%+?;2f0cC3A4 äü€\u{1f600}\u0000'));
    const text = fc.string({ unit: character, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        const pairs = [...new URLSearchParams(`&${body}`)];
        const names = pairs.map(([name]) => name);
        fc.pre(new Set(names).size === names.length);
        expect(await read(body)).toEqual(pairs);
      }),
      { numRuns: 2000 },
    );
  });

  it('without a body has no parameters', async () => {
    expect(await read(undefined)).toEqual([]);
  });

  it.each([
    ['a parameter twice', 'scope=a&scope=b'],
    ['a parameter twice with the same value', 'a=1&a=1'],
    ['a parameter twice, once escaped', 'scope=a&%73cope=b'],
    ['a parameter twice, far apart', 'a=1&b=2&c=3&a='],
    ['a parameter twice, without value', 'a&a'],
    ['an empty name twice', '=1&=2'],
    ['65 parameters', Array.from({ length: 65 }, (_, at) => `p${at}=`).join('&')],
  ])('with %s is refused', async (_what, body) => {
    expect(await refusalOf(read(body))).toMatchObject({ code: 'invalid_request' });
  });

  it('may have 64 parameters', async () => {
    expect(await read(Array.from({ length: 64 }, (_, at) => `p${at}=`).join('&'))).toHaveLength(64);
  });

  it.each([
    ['a byte that starts nothing', [0x61, 0x3d, 0xff]],
    ['a sequence cut off', [0x61, 0x3d, 0xc3]],
    ['an overlong letter', [0x61, 0x3d, 0xc1, 0xa1]],
  ])('with %s is refused', async (_what, bytes) => {
    expect(await refusalOf(read(Uint8Array.from(bytes)))).toMatchObject({
      code: 'invalid_request',
    });
  });

  it.each(['APPLICATION/X-WWW-FORM-URLENCODED', `${FORM_TYPE};charset=UTF-8`, ` ${FORM_TYPE} `])(
    'may be sent as %s',
    async (value) => {
      expect(await read('a=1', [['content-type', value]])).toEqual([['a', '1']]);
    },
  );

  it.each<[string, HeaderLine[]]>([
    ['nothing', []],
    ['JSON', [['Content-Type', 'application/json']]],
    ['text', [['Content-Type', 'text/plain']]],
    ['several parts', [['Content-Type', 'multipart/form-data; boundary=a']]],
    ['a longer type', [['Content-Type', `${FORM_TYPE}2`]]],
    ['a type joined with another', [['Content-Type', `${FORM_TYPE}, text/plain`]]],
    ['the type as a parameter', [['Content-Type', `text/plain; a=${FORM_TYPE}`]]],
    ['two lines', [type, type]],
    ['two lines that differ', [type, ['content-type', 'text/plain']]],
    ['the empty text', [['Content-Type', '']]],
  ])('sent as %s is refused', async (_what, headers) => {
    expect(await refusalOf(read('a=1', headers))).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('is not repeated in what is said about it', async () => {
    const error = await refusalOf(read('code=hunter2&code=hunter2'));
    expect(JSON.stringify([error.message, error.detail, error.rule])).not.toContain('hunter2');
  });
});
