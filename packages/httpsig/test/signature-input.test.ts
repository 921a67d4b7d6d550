import { describe, expect, it } from 'vitest';
import { parseSignatureInput, SignatureError } from '../src/index.js';
import { ruleOf } from './support.js';

const LIST = '("@method" "@authority" "@path" "signature-key")';

describe('a Signature-Input is read', () => {
  it('with its label, components, times, alg, and the text that is signed', () => {
    const raw = `${LIST};created=1;expires=2;alg="ed25519";keyid="k";nonce="n";tag="t"`;
    expect(parseSignatureInput(`sig1=${raw}`)).toEqual({
      label: 'sig1',
      components: ['@method', '@authority', '@path', 'signature-key'],
      created: 1,
      expires: 2,
      alg: 'ed25519',
      raw,
    });
  });

  it('without judging what is absent', () => {
    expect(parseSignatureInput('sig1=()')).toEqual({
      label: 'sig1',
      components: [],
      created: undefined,
      expires: undefined,
      alg: undefined,
      raw: '()',
    });
  });

  it('with the text that is signed exactly as sent, odd spacing and all', () => {
    const raw = '(  "@method"   "@path" );  created=007';
    const input = parseSignatureInput(`  sig1=${raw}  `);
    expect(input.raw).toBe(raw);
    expect(input.created).toBe(7);
  });

  it('with parameters that this package does not know, which are signed all the same', () => {
    const input = parseSignatureInput(`sig1=${LIST};created=1;x=?1;y=tok;z=:AA==:`);
    expect(input.raw).toContain(';x=?1;y=tok;z=:AA==:');
  });

  it.each(['a', '*', "x!#$%&'*+.^_`|~-9", 'content-type', 'constructor', '__proto__'])(
    'covering the field %s',
    (name) => {
      expect(parseSignatureInput(`sig1=("${name}");created=1`).components).toEqual([name]);
    },
  );

  it.each(['@method', '@authority', '@path', '@query'])('covering %s', (name) => {
    expect(parseSignatureInput(`sig1=("${name}");created=1`).components).toEqual([name]);
  });
});

describe('a Signature-Input whose list of components has been read before', () => {
  const read = (text: string) => {
    try {
      return parseSignatureInput(text);
    } catch (error) {
      return error;
    }
  };
  const followUps = [
    'created=5;expires=9;alg="ed25519"',
    'created=1.0',
    'created=-1',
    'created=1;created=2',
    'created=1;alg=token',
    'created=1 ;x',
    'created=1, b=()',
    'created=1,',
    'created=1)',
    'created=1  ',
    'created="',
    '',
    ';',
  ];

  it.each(followUps)('is read with "%s" after it as it was the first time', (parameters) => {
    const list = (name: string) => `("@method" "x-${name}")`;
    const name = encodeURIComponent(parameters)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '-');
    const anew = read(`sig1=${list(`a-${name}`)};${parameters}`);
    parseSignatureInput(`sig1=${list(`b-${name}`)};created=1`);
    const again = read(`sig1=${list(`b-${name}`)};${parameters}`);
    const comparable = (value: unknown): string =>
      (value instanceof Error ? value.message : JSON.stringify(value)).replaceAll('x-a-', 'x-b-');
    expect(comparable(again)).toBe(comparable(anew));
  });

  it.each(['Sig=', '=', '', 'sig1 =', 'a=("b"), sig1='])(
    'is refused under the label "%s" all the same',
    (label) => {
      expect(parseSignatureInput(`sig1=${LIST};created=1`).label).toBe('sig1');
      expect(read(`${label}${LIST};created=1`)).toBeInstanceOf(SignatureError);
    },
  );

  it('cannot be changed by whoever was given it', () => {
    const { components } = parseSignatureInput(`sig1=${LIST};created=1`);
    expect(() => (components as string[]).push('x')).toThrow(TypeError);
    expect(parseSignatureInput(`sig1=${LIST};created=1`).components).not.toContain('x');
  });

  it('is forgotten after sixty-four others, and read anew', () => {
    for (let at = 0; at < 200; at++) parseSignatureInput(`sig1=("x-${at}");created=1`);
    expect(parseSignatureInput(`sig1=${LIST};created=1`).components).toHaveLength(4);
  });
});

describe('a Signature-Input is refused for a component', () => {
  it.each([
    ['named twice', '("@method" "@method")'],
    ['named twice, not next to each other', '("content-type" "@path" "content-type")'],
    ['in upper case', '("Content-Type")'],
    ['derived, in upper case', '("@Method")'],
    ['with the parameter sf', '("content-type";sf)'],
    ['with the parameter bs', '("content-type";bs)'],
    ['with the parameter key', '("content-digest";key="sha-256")'],
    ['with the parameter req', '("@method";req)'],
    ['with the parameter tr', '("content-type";tr)'],
    ['with a parameter nobody knows', '("content-type";x=1)'],
    ['with a parameter that is false', '("content-type";sf=?0)'],
    ['named twice, once with a parameter', '("content-type" "content-type";sf)'],
    ['derived from the whole target', '("@target-uri")'],
    ['derived from the request target', '("@request-target")'],
    ['derived from the scheme', '("@scheme")'],
    ['derived from one query parameter', '("@query-param";name="a")'],
    ['derived from one query parameter without its name', '("@query-param")'],
    ['derived from a response', '("@status")'],
    ['of the signature parameters themselves', '("@signature-params")'],
    ['derived, of a name nobody knows', '("@constructor")'],
    ['that is only an at sign', '("@")'],
    ['without a name', '("")'],
    ['with a space in its name', '("content type")'],
    ['with a space around its name', '("content-type ")'],
    ['with a colon in its name', '("content-type:")'],
    ['with a quote in its name', '("content-type\\"")'],
    ['that is a token', '(content-type)'],
    ['that is a number', '(1)'],
    ['that is bytes', '(:AAAA:)'],
    ['that is true', '(?1)'],
  ])('%s', (_what, list) => {
    expect(ruleOf(() => parseSignatureInput(`sig1=${list};created=1`))).toBe('component_invalid');
  });
});

describe('a Signature-Input is refused for a parameter', () => {
  it.each([
    ['created is a decimal', 'created=1.5'],
    ['created is a whole decimal', 'created=1.0'],
    ['created is negative', 'created=-1'],
    ['created is a string', 'created="1"'],
    ['created is a token', 'created=now'],
    ['created has no value', 'created'],
    ['created is bytes', 'created=:AAAA:'],
    ['expires is a decimal', 'created=1;expires=2.0'],
    ['expires is negative', 'created=1;expires=-2'],
    ['expires is a string', 'created=1;expires="2"'],
    ['expires has no value', 'created=1;expires'],
    ['alg is a token', 'created=1;alg=ed25519'],
    ['alg is a number', 'created=1;alg=1'],
    ['alg has no value', 'created=1;alg'],
    ['keyid is a token', 'created=1;keyid=k'],
    ['nonce is a token', 'created=1;nonce=n'],
    ['nonce is a number', 'created=1;nonce=1'],
    ['tag is a token', 'created=1;tag=t'],
  ])('when %s', (_what, parameters) => {
    expect(ruleOf(() => parseSignatureInput(`sig1=${LIST};${parameters}`))).toBe(
      'parameter_invalid',
    );
  });

  it.each([
    ['created is given twice', 'created=1;created=1'],
    ['created is given twice, the second a good one', 'created=1;created=2'],
    ['alg is given twice', 'created=1;alg="a";alg="ed25519"'],
    ['created has more than 15 digits', 'created=1000000000000000'],
    ['created has an exponent', 'created=1e9'],
    ['created has a plus sign', 'created=+1'],
    ['created has no number', 'created='],
    ['alg is a string without an end', 'created=1;alg="ed25519'],
    ['keyid has a character outside ASCII', 'created=1;keyid="é"'],
    ['parameters are parted by commas', 'created=1,expires=2,'],
    ['a parameter is in upper case', 'Created=1'],
  ])('as malformed when %s', (_what, parameters) => {
    expect(ruleOf(() => parseSignatureInput(`sig1=${LIST};${parameters}`))).toBe(
      'header_malformed',
    );
  });
});

describe('a Signature-Input is refused', () => {
  it.each([
    ['that is empty', ''],
    ['without a label', LIST],
    ['with an upper-case label', `Sig1=${LIST}`],
    ['with a label only', 'sig1'],
    ['with a label and parameters only', 'sig1;created=1'],
    ['that is a string', 'sig1="@method"'],
    ['that is a single item', 'sig1=a;created=1'],
    ['whose list is not closed', 'sig1=("@method"'],
    ['whose list is closed twice', `sig1=${LIST})`],
    ['whose components are parted by commas', 'sig1=("@method", "@path")'],
    ['whose components are parted by a tab', 'sig1=("@method"\t"@path")'],
    ['whose components are not parted', 'sig1=("@method""@path")'],
    ['whose component is not closed', 'sig1=("@method)'],
    ['with a line feed in a component', 'sig1=("@method\n")'],
    ['with text after it', `sig1=${LIST};created=1 x`],
    ['with a comma after it', `sig1=${LIST};created=1,`],
  ])('%s', (_what, text) => {
    expect(ruleOf(() => parseSignatureInput(text))).toBe('header_malformed');
  });

  it.each([
    ['with a second member', `sig1=${LIST};created=1, sig2=${LIST};created=1`],
    ['with a second member of the same label', `sig1=${LIST};created=1, sig1=${LIST};created=1`],
    ['with a second member that is no list', `sig1=${LIST};created=1, a`],
  ])('as repeated: %s', (_what, text) => {
    expect(ruleOf(() => parseSignatureInput(text))).toBe('header_repeated');
  });
});
