import { describe, expect, it } from 'vitest';
import {
  encodeBase64Url,
  parsePublicJwk,
  parseSignatureKeyField,
  readSignatureKey,
  serializeSignatureKeyField,
  type SignatureKey,
  type SignatureKeyField,
  writeSignatureKey,
} from '../src/index.js';
import { littleEndian, P, smallOrderEncodings } from './edwards.js';
import { ruleOf, testKeys } from './support.js';

const BOUND = 9216;
const parse = (text: string) => parseSignatureKeyField(text, BOUND);
const read = (text: string) => readSignatureKey(parse(text));
const members = (jwk: object) =>
  Object.entries(jwk)
    .map(([name, value]) => ` ${name}="${String(value)}"`)
    .join('');

const { x } = testKeys.ed25519;
const HWK = `sig1=(scheme=hwk kty="OKP" crv="Ed25519" x="${x}")`;
const JWKS = 'sig1=(scheme=jwks id="https://agent.example" kid="key-1" well-known="aauth-agent")';
const MODE1 = 'sig1=(scheme=jwks jwks="https://agent.example/jwks.json" kid="key-1")';
const X509 = 'sig1=(scheme=x509 x5u="https://agent.example/chain.pem" x5t="bWF0Y2g")';
const JWT = 'sig1=(scheme=jwt jwt="eyJhbGciOiJFZERTQSJ9.e30.AAAA")';

describe('a Signature-Key is read', () => {
  it.each<[string, string, SignatureKey]>([
    ['hwk', HWK, { scheme: 'hwk', jwk: { kty: 'OKP', crv: 'Ed25519', x: String(x) } }],
    [
      'jwks with a URL',
      MODE1,
      { scheme: 'jwks', mode: 'url', jwks: 'https://agent.example/jwks.json', kid: 'key-1' },
    ],
    [
      'jwks with an identifier and its document',
      JWKS,
      {
        scheme: 'jwks',
        mode: 'identifier',
        id: 'https://agent.example',
        kid: 'key-1',
        wellKnown: 'aauth-agent',
      },
    ],
    [
      'jwks with an identifier alone',
      'sig1=(scheme=jwks id="https://agent.example" kid="key-1")',
      { scheme: 'jwks', mode: 'identifier', id: 'https://agent.example', kid: 'key-1' },
    ],
    ['x509', X509, { scheme: 'x509', x5u: 'https://agent.example/chain.pem', x5t: 'bWF0Y2g' }],
    ['jwt', JWT, { scheme: 'jwt', jwt: 'eyJhbGciOiJFZERTQSJ9.e30.AAAA' }],
  ])('of scheme %s', (_what, text, key) => {
    expect(read(text)).toEqual(key);
  });

  it.each(['ecdsa-p256-sha256', 'ecdsa-p384-sha384', 'rsa-pss-sha512'] as const)(
    'of scheme hwk with a %s key',
    (name) => {
      const { jwk } = parsePublicJwk(testKeys[name]);
      expect(read(`sig1=(scheme=hwk${members(jwk)})`)).toEqual({ scheme: 'hwk', jwk });
    },
  );

  it('with its parameters in any order', () => {
    expect(read(`sig1=(scheme=hwk x="${x}" crv="Ed25519" kty="OKP")`)).toEqual(read(HWK));
  });

  it('with quotes, backslashes, brackets and commas inside a value', () => {
    const field = parse(String.raw`sig1=(scheme=jwks kid="a\"b\\c),(=; d" id="e")`);
    expect(field.parameters.get('kid')).toBe('a"b\\c),(=; d');
    expect(field.parameters.get('id')).toBe('e');
  });

  it.each(['a', '*', 'a-b_c.d*9', 'k'.repeat(256)])('under the label %s', (label) => {
    expect(parse(HWK.replace('sig1', label)).label).toBe(label);
  });

  it('up to the length that is allowed, and not one character more', () => {
    const frame = 'sig1=(scheme=jwt jwt="")'.length;
    const text = (length: number) => `sig1=(scheme=jwt jwt="${'a'.repeat(length - frame)}")`;
    expect(ruleOf(() => parse(text(BOUND)))).toBe('accepted');
    expect(ruleOf(() => parse(text(BOUND + 1)))).toBe('header_too_large');
  });
});

describe('a Signature-Key is refused for its grammar', () => {
  it.each([
    ['that is empty', ''],
    ['without a label', HWK.slice('sig1='.length)],
    ['with an empty label', HWK.slice('sig1'.length)],
    ['with an upper-case label', HWK.replace('sig1', 'Sig1')],
    ['with a label that starts with a digit', HWK.replace('sig1', '1')],
    ['with a label outside ASCII', HWK.replace('sig1', 'sïg1')],
    ['with a label of 257 characters', HWK.replace('sig1', 'k'.repeat(257))],
    ['with a space before its label', ` ${HWK}`],
    ['with a space before the equals sign', HWK.replace('=(', ' =(')],
    ['with a space after the equals sign', HWK.replace('=(', '= (')],
    ['with nothing in its brackets', 'sig1=()'],
    ['with a space after the opening bracket', HWK.replace('(', '( ')],
    ['with a space before the closing bracket', HWK.replace(/\)$/, ' )')],
    ['with two spaces between parameters', HWK.replace(' crv', '  crv')],
    ['with two spaces after the scheme', HWK.replace(' kty', '  kty')],
    ['with a tab between parameters', HWK.replace(' crv', '\tcrv')],
    ['with a comma between parameters', HWK.replace(' crv', ',crv')],
    ['with a semicolon between parameters', HWK.replace(' crv', ';crv')],
    ['with no space between parameters', HWK.replace(' crv', 'crv')],
    ['with a line feed between parameters', HWK.replace(' crv', '\ncrv')],
    ['without a scheme', HWK.replace('scheme=hwk ', '')],
    [
      'whose scheme is not first',
      JWT.replace('scheme=jwt jwt', 'jwt').replace(')', ' scheme=jwt)'),
    ],
    ['whose scheme is a string', HWK.replace('hwk', '"hwk"')],
    ['whose scheme is empty', HWK.replace('hwk', '')],
    ['whose scheme is in upper case', HWK.replace('hwk', 'HWK')],
    ['whose scheme starts with a digit', HWK.replace('hwk', '1wk')],
    ['with its scheme named in upper case', HWK.replace('scheme', 'Scheme')],
    ['with its scheme given twice', HWK.replace(' kty', ' scheme=hwk kty')],
    [
      'with its scheme given twice, the second as a string',
      HWK.replace(' kty', ' scheme="jwks" kty'),
    ],
    ['with its scheme given again at the end', HWK.replace(/\)$/, ' scheme=hwk)')],
    ['with a parameter given twice', HWK.replace(' crv', ' kty="OKP" crv')],
    ['with a parameter given twice with different values', JWKS.replace(' kid', ' id="a" kid')],
    ['with an upper-case parameter', HWK.replace('kty', 'Kty')],
    ['with a parameter without a value', HWK.replace('="OKP"', '')],
    ['with a parameter that has an empty name', HWK.replace('kty=', '=')],
    ['with a parameter whose value is a token', HWK.replace('"OKP"', 'OKP')],
    ['with a parameter whose value is in single quotes', HWK.replace('"OKP"', "'OKP'")],
    ['with a parameter whose value is true', HWK.replace('"OKP"', '?1')],
    ['with a parameter name of other characters', HWK.replace('kty', 'k.ty')],
    ['with a space before the equals sign of a parameter', HWK.replace('kty=', 'kty =')],
    ['with a space after the equals sign of a parameter', HWK.replace('kty=', 'kty= ')],
    ['with a string that has no end', HWK.replace('"OKP"', '"OKP')],
    ['with a last string that has no end', HWK.replace(/"\)$/, ')')],
    ['with a string that ends in an escape', HWK.replace(/"\)$/, '\\")')],
    ['with a foreign escape', HWK.replace('OKP', 'O\\KP')],
    ['with a tab in a string', HWK.replace('OKP', 'O\tKP')],
    ['with a line feed in a string', HWK.replace('OKP', 'OKP\n')],
    ['with a DEL in a string', HWK.replace('OKP', 'OKP\x7f')],
    ['with a character outside ASCII in a string', HWK.replace('OKP', 'ÖKP')],
    ['without a closing bracket', HWK.slice(0, -1)],
    ['with another closing bracket', `${HWK})`],
    ['with a space after it', `${HWK} `],
    ['with a line feed after it', `${HWK}\n`],
    ['with a parameter after it', `${HWK};a=1`],
    ['with garbage after it', `${HWK}x`],
    ['in braces', HWK.replace('(', '{').replace(')', '}')],
    [
      'that is a structured field, its members as parameters',
      `sig1=hwk;kty="OKP";crv="Ed25519";x="${x}"`,
    ],
  ])('%s', (_what, text) => {
    expect(ruleOf(() => parse(text))).toBe('header_malformed');
  });

  it.each([
    ['a second member', `${HWK}, sig2=(scheme=hwk)`],
    ['a second member of the same label', `${HWK},${HWK}`],
    ['a comma at the end', `${HWK},`],
  ])('as repeated: with %s', (_what, text) => {
    expect(ruleOf(() => parse(text))).toBe('header_repeated');
  });
});

describe('a Signature-Key is refused for its scheme', () => {
  it.each(['jwks_uri', 'hwks', 'h', 'none', 'constructor', 'tostring', 'hwk-'])(
    '%s, which is unknown',
    (scheme) => {
      expect(ruleOf(() => read(HWK.replace('scheme=hwk', `scheme=${scheme}`)))).toBe(
        'scheme_unsupported',
      );
    },
  );

  it('and says which schemes there are', () => {
    expect(() => read('sig1=(scheme=none)')).toThrow(
      expect.objectContaining({ accepted: ['hwk', 'jwks', 'x509', 'jwt'] }) as Error,
    );
  });
});

describe('a Signature-Key is refused for its parameters', () => {
  const { jwk: p256 } = parsePublicJwk(testKeys['ecdsa-p256-sha256']);
  const { jwk: rsa } = parsePublicJwk(testKeys['rsa-pss-sha512']);
  const ec = `sig1=(scheme=hwk${members(p256)})`;
  const added = (text: string, parameter: string) => text.replace(/\)$/, ` ${parameter})`);

  it.each([
    ['hwk with the private member d', added(HWK, `d="${testKeys.ed25519.d}"`)],
    ['hwk with kid', added(HWK, 'kid="key-1"')],
    ['hwk with alg', added(HWK, 'alg="EdDSA"')],
    ['hwk with use', added(HWK, 'use="sig"')],
    ['hwk with a member nobody knows', added(HWK, 'a="b"')],
    ['hwk with __proto__', added(HWK, '__proto__="b"')],
    ['hwk Ed25519 with the y of another key type', added(HWK, 'y="AAAA"')],
    ['hwk Ed25519 with the n and e of another key type', added(HWK, 'n="AAAA" e="AQAB"')],
    ['hwk EC with the n of another key type', added(ec, 'n="AAAA"')],
    ['hwk RSA with the x of another key type', `sig1=(scheme=hwk${members(rsa)} x="AAAA")`],
    ['hwk with the parameters of jwks', added(HWK, 'id="https://agent.example"')],
    ['jwks with both id and jwks', added(JWKS, 'jwks="https://agent.example/jwks.json"')],
    ['jwks with neither id nor jwks', 'sig1=(scheme=jwks kid="key-1")'],
    ['jwks with nothing', 'sig1=(scheme=jwks)'],
    ['jwks with a URL and well-known', added(MODE1, 'well-known="aauth-agent"')],
    ['jwks with an identifier and no kid', 'sig1=(scheme=jwks id="https://agent.example")'],
    ['jwks with a URL and no kid', 'sig1=(scheme=jwks jwks="https://agent.example/jwks.json")'],
    ['jwks with an empty kid', JWKS.replace('key-1', '')],
    ['jwks with an empty id', JWKS.replace('https://agent.example', '')],
    ['jwks with an empty URL', MODE1.replace('https://agent.example/jwks.json', '')],
    ['jwks with a parameter nobody knows', added(JWKS, 'alg="EdDSA"')],
    ['jwks with well_known, misspelt', JWKS.replace('well-known', 'well_known')],
    ['x509 without x5u', 'sig1=(scheme=x509 x5t="bWF0Y2g")'],
    ['x509 without x5t', 'sig1=(scheme=x509 x5u="https://agent.example/chain.pem")'],
    ['x509 with an empty x5t', X509.replace('bWF0Y2g', '')],
    ['x509 with kid', added(X509, 'kid="key-1"')],
    ['jwt without a token', 'sig1=(scheme=jwt)'],
    ['jwt with an empty token', 'sig1=(scheme=jwt jwt="")'],
    ['jwt with kid', added(JWT, 'kid="key-1"')],
  ])('%s', (_what, text) => {
    expect(ruleOf(() => read(text))).toBe('header_malformed');
  });

  it.each([
    ['kty', HWK.replace('kty="OKP" ', ''), 'key_invalid'],
    ['crv', HWK.replace('crv="Ed25519" ', ''), 'key_unsupported'],
    ['x', HWK.replace(` x="${x}"`, ''), 'key_invalid'],
    ['any member', 'sig1=(scheme=hwk)', 'key_invalid'],
    ['y, on P-256', ec.replace(/ y="[^"]*"/, ''), 'key_invalid'],
    ['e, RSA', `sig1=(scheme=hwk kty="RSA" n="${testKeys['rsa-pss-sha512'].n}")`, 'key_invalid'],
  ])('hwk without %s', (_what, text, rule) => {
    expect(ruleOf(() => read(text))).toBe(rule);
  });

  it.each([
    ['padded', `${x}=`],
    ['with a line of junk', `${x}.`],
    ['a byte short', String(x).slice(0, 42)],
    ['empty', ''],
    ['with a space at the end', `${x} `],
  ])('hwk with an x that is %s', (_what, value) => {
    expect(ruleOf(() => read(HWK.replace(String(x), value)))).toBe('key_invalid');
  });

  it('hwk with each of the eight points of small order', () => {
    const rules = smallOrderEncodings().map((point) =>
      ruleOf(() => read(HWK.replace(String(x), encodeBase64Url(point)))),
    );
    expect(rules).toEqual(Array<string>(8).fill('key_weak'));
  });

  it('hwk with a non-canonical encoding of a point', () => {
    const text = HWK.replace(String(x), encodeBase64Url(littleEndian(P + 3n)));
    expect(ruleOf(() => read(text))).toBe('key_invalid');
  });

  it('hwk with an RSA key of exponent 3', () => {
    const text = `sig1=(scheme=hwk kty="RSA" n="${testKeys['rsa-pss-sha512'].n}" e="Aw")`;
    expect(ruleOf(() => read(text))).toBe('key_weak');
  });

  it('hwk with a curve that is for key agreement', () => {
    expect(ruleOf(() => read(HWK.replace('Ed25519', 'X25519')))).toBe('key_unsupported');
  });
});

describe('a Signature-Key is written', () => {
  const write = (key: SignatureKey) => serializeSignatureKeyField(writeSignatureKey(key, 'sig1'));

  it.each([HWK, JWKS, MODE1, X509, JWT])('exactly as it was read: %s', (text) => {
    expect(write(read(text))).toBe(text);
  });

  it('without the kid of a bare key', () => {
    const { jwk } = parsePublicJwk({ ...testKeys.ed25519, kid: 'key-1' });
    expect(write({ scheme: 'hwk', jwk })).toBe(HWK);
  });

  it.each<[string, Partial<SignatureKeyField>]>([
    ['a label in upper case', { label: 'Sig1' }],
    ['an empty label', { label: '' }],
    ['a label with a line feed', { label: 'sig1\n' }],
    ['a scheme with a space', { scheme: 'a b' }],
    ['a scheme that starts with a digit', { scheme: '1' }],
    ['a parameter named scheme', { parameters: new Map([['scheme', 'a']]) }],
    ['a parameter with an empty name', { parameters: new Map([['', 'a']]) }],
    ['a parameter in upper case', { parameters: new Map([['Kid', 'a']]) }],
    ['a parameter with an equals sign in its name', { parameters: new Map([['kid=', 'a']]) }],
    ['a line feed in a value', { parameters: new Map([['kid', 'a\r\nHost: b']]) }],
    ['a character outside ASCII in a value', { parameters: new Map([['kid', 'é']]) }],
  ])('never with %s', (_what, change) => {
    const field = { label: 'sig1', scheme: 'jwks', parameters: new Map([['kid', 'a']]), ...change };
    expect(() => serializeSignatureKeyField(field)).toThrow(TypeError);
  });
});
