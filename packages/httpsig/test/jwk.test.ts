import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  algorithmAgrees,
  algorithmByName,
  algorithmForKey,
  encodeBase64Url,
  importVerificationKey,
  parsePublicJwk,
  type PublicJwk,
  thumbprint,
} from '../src/index.js';
import { littleEndian, P, smallOrderEncodings } from './edwards.js';
import { ruleOf, testKeys } from './support.js';

type Members = Record<string, unknown>;

const { d: _d, ...ed25519 } = testKeys.ed25519 as Members;
const { d: _d256, ...p256 } = testKeys['ecdsa-p256-sha256'] as Members;
const { d: _d384, ...p384 } = testKeys['ecdsa-p384-sha384'] as Members;
const { kty, n, e } = testKeys['rsa-pss-sha512'];
const rsa: Members = { kty, n, e };

const bytesOf = (member: unknown): Uint8Array => Buffer.from(String(member), 'base64url');
const url = (...bytes: number[]): string => encodeBase64Url(Uint8Array.from(bytes));

/** A made-up odd number of exactly `bits` bits, as a modulus. */
function modulus(bits: number): string {
  const bytes = new Uint8Array(Math.ceil(bits / 8)).fill(0x5b);
  bytes[0] = 1 << ((bits - 1) % 8);
  return encodeBase64Url(bytes);
}

describe('a public JWK is read', () => {
  it.each([
    ['Ed25519', ed25519, 'ed25519'],
    ['P-256', p256, 'ecdsa-p256-sha256'],
    ['P-384', p384, 'ecdsa-p384-sha384'],
    ['RSA', rsa, 'rsa-pss-sha512'],
  ])('%s, with the algorithm that follows from it', (_name, jwk, algorithm) => {
    const parsed = parsePublicJwk(jwk);
    expect(parsed.jwk).toEqual(jwk);
    expect(parsed.algorithm.name).toBe(algorithm);
  });

  it.each(ALGORITHM_NAMES)('from a private %s key, leaving the private members behind', (name) => {
    const { jwk } = parsePublicJwk(testKeys[name]);
    expect(Object.keys(jwk)).not.toContain('d');
    const members = {
      OKP: ['crv', 'kty', 'x'],
      EC: ['crv', 'kty', 'x', 'y'],
      RSA: ['e', 'kty', 'n'],
    };
    expect(Object.keys(jwk).toSorted()).toEqual(members[jwk.kty]);
  });

  it('leaving unknown members behind and keeping kid', () => {
    const { jwk } = parsePublicJwk({ ...ed25519, kid: 'key-1', x5c: ['a'], ext: true, iat: 1 });
    expect(jwk).toEqual({ ...ed25519, kid: 'key-1' });
  });

  it.each<[string, Members]>([
    ['with use "sig"', { use: 'sig' }],
    ['with key_ops that allow verifying', { key_ops: ['verify'] }],
    ['with key_ops of the private key it belongs to', { key_ops: ['sign'] }],
    ['with the alg of RFC 8037', { alg: 'EdDSA' }],
    ['with the alg of RFC 9864', { alg: 'Ed25519' }],
    ['with an empty kid', { kid: '' }],
    ['with a kid of 256 characters', { kid: 'k'.repeat(256) }],
  ])('%s', (_what, members) => {
    expect(ruleOf(() => parsePublicJwk({ ...ed25519, ...members }))).toBe('accepted');
  });

  it.each([
    ['ES256', p256],
    ['ES384', p384],
    ['PS512', rsa],
  ])('with alg %s where it fits', (alg, jwk) => {
    expect(ruleOf(() => parsePublicJwk({ ...jwk, alg }))).toBe('accepted');
  });

  it.each([2048, 3072, 4096])('an RSA key of %i bits', (bits) => {
    expect(ruleOf(() => parsePublicJwk({ ...rsa, n: modulus(bits) }))).toBe('accepted');
  });

  it.each([
    ['65537', url(1, 0, 1)],
    ['a four-byte one', url(0x80, 0, 0, 1)],
  ])('an RSA key with exponent %s', (_what, exponent) => {
    expect(ruleOf(() => parsePublicJwk({ ...rsa, e: exponent }))).toBe('accepted');
  });
});

describe('a public JWK is refused', () => {
  it.each([
    ['that is null', null],
    ['that is undefined', undefined],
    ['that is a string', JSON.stringify(ed25519)],
    ['that is a number', 7],
    ['that is an array', [ed25519]],
    ['that is empty', {}],
    ['whose kty is not a string', { ...ed25519, kty: 1 }],
    ['whose crv is not a string', { ...ed25519, crv: 1 }],
    ['whose crv is null', { ...ed25519, crv: null }],
  ])('%s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk(value))).toBe('key_invalid');
  });

  it.each([
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
    ['an unknown key type', { ...ed25519, kty: 'AKP' }],
    ['a key type in lower case', { ...ed25519, kty: 'okp' }],
    ['X25519, which cannot sign', { ...ed25519, crv: 'X25519' }],
    ['Ed448', { ...ed25519, crv: 'Ed448' }],
    ['P-521', { ...p256, crv: 'P-521' }],
    ['secp256k1', { ...p256, crv: 'secp256k1' }],
    ['an OKP key without a curve', { kty: 'OKP', x: ed25519['x'] }],
    ['the curve of another key type', { ...ed25519, kty: 'EC' }],
    ['an RSA key with a curve', { ...rsa, crv: 'P-256' }],
    ['an RSA key with an empty curve', { ...rsa, crv: '' }],
    ['a key type and curve run together', { ...ed25519, kty: 'OKP Ed25519', crv: '' }],
    ['a key type that is a property of every object', { ...ed25519, kty: 'constructor' }],
    ['a key for encryption', { ...ed25519, use: 'enc' }],
    ['a key whose use is no string', { ...ed25519, use: ['sig'] }],
    ['a key whose operations do not include signatures', { ...ed25519, key_ops: ['deriveBits'] }],
    ['a key without operations', { ...ed25519, key_ops: [] }],
    ['a key whose operations are no list', { ...ed25519, key_ops: 'verify' }],
    ['an RSA key of 4097 bits', { ...rsa, n: modulus(4097) }],
    ['an RSA key of 8192 bits', { ...rsa, n: modulus(8192) }],
  ])('as unsupported: %s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk(value))).toBe('key_unsupported');
  });

  it.each([
    ['an Ed25519 key for ES256', { ...ed25519, alg: 'ES256' }],
    ['a P-256 key for ES384', { ...p256, alg: 'ES384' }],
    ['a P-384 key for ES256', { ...p384, alg: 'ES256' }],
    ['a P-256 key for key agreement', { ...p256, alg: 'ECDH-ES' }],
    ['an RSA key for RS256', { ...rsa, alg: 'RS256' }],
    ['an RSA key for PS256', { ...rsa, alg: 'PS256' }],
    ['an RSA key for RSA-OAEP-256', { ...rsa, alg: 'RSA-OAEP-256' }],
    ['a key for none', { ...ed25519, alg: 'none' }],
    ['a key for HS256', { ...ed25519, alg: 'HS256' }],
    ['a key whose alg is in another case', { ...ed25519, alg: 'eddsa' }],
    ['a key whose alg is empty', { ...ed25519, alg: '' }],
    ['a key whose alg is no string', { ...ed25519, alg: 7 }],
    ['a key whose alg is null', { ...ed25519, alg: null }],
  ])('as contradicting itself: %s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk(value))).toBe('algorithm_mismatch');
  });

  const x = String(ed25519['x']);
  const spare = x.slice(0, -1) + nextInAlphabet(x.slice(-1));
  it.each([
    ['is absent', undefined],
    ['is no string', 7],
    ['is empty', ''],
    ['is padded', `${x}=`],
    ['has a spare bit set', spare],
    ['is in the standard alphabet', `${x.slice(0, 20)}+${x.slice(21)}`],
    ['has white space at the end', `${x} `],
    ['has a line feed at the end', `${x}\n`],
    ['has white space inside', `${x.slice(0, 20)} ${x.slice(20)}`],
    ['has junk that decoders skip', `${x.slice(0, 20)}*${x.slice(20)}`],
    ['has junk at the end', `${x}.`],
    ['is one byte short', encodeBase64Url(bytesOf(x).subarray(1))],
    ['is one byte long', encodeBase64Url(Buffer.concat([bytesOf(x), Buffer.of(0)]))],
    ['is very long', 'A'.repeat(100_000)],
  ])('as not canonical: an Ed25519 key whose x %s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk({ ...ed25519, x: value }))).toBe('key_invalid');
  });

  it.each<[string, Members]>([
    ['an EC key without x', { ...p256, x: undefined }],
    ['an EC key without y', { ...p256, y: undefined }],
    ['an EC key with a padded y', { ...p256, y: `${String(p256['y'])}=` }],
    [
      'an EC key with a coordinate a byte short',
      { ...p256, y: url(...bytesOf(p256['y']).subarray(1)) },
    ],
    ['an EC key with a leading zero byte more', { ...p256, x: url(0, ...bytesOf(p256['x'])) }],
    ['a P-256 key with the coordinates of P-384', { ...p384, crv: 'P-256' }],
    ['a P-384 key with the coordinates of P-256', { ...p256, crv: 'P-384' }],
    ['an RSA key without n', { ...rsa, n: undefined }],
    ['an RSA key without e', { ...rsa, e: undefined }],
    ['an RSA key with a leading zero in n', { ...rsa, n: url(0, ...bytesOf(rsa['n'])) }],
    ['an RSA key with a leading zero in e', { ...rsa, e: url(0, 1, 0, 1) }],
    ['an RSA key with an empty n', { ...rsa, n: '' }],
    ['an RSA key with an empty e', { ...rsa, e: '' }],
    ['an RSA key with a padded n', { ...rsa, n: `${String(rsa['n'])}==` }],
    ['an RSA key with a spare bit set in e', { ...rsa, e: 'AQABAAB' }],
    ['a kid that is no string', { ...ed25519, kid: 7 }],
    ['a kid of 257 characters', { ...ed25519, kid: 'k'.repeat(257) }],
  ])('as not canonical: %s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk(value))).toBe('key_invalid');
  });

  it.each([
    ['an RSA key of 1024 bits', { ...rsa, n: modulus(1024) }],
    ['an RSA key of 2047 bits', { ...rsa, n: modulus(2047) }],
    ['an RSA key of one byte', { ...rsa, n: url(0x0f) }],
    [
      'an RSA key with an even modulus',
      { ...rsa, n: url(...bytesOf(rsa['n']).subarray(0, -1), 2) },
    ],
    [
      'an RSA key with exponent 1, under which a signature is its own message',
      { ...rsa, e: url(1) },
    ],
    ['an RSA key with exponent 3', { ...rsa, e: url(3) }],
    ['an RSA key with exponent 17', { ...rsa, e: url(17) }],
    ['an RSA key with exponent 65535', { ...rsa, e: url(0xff, 0xff) }],
    ['an RSA key with an even exponent', { ...rsa, e: url(1, 0, 2) }],
    ['an RSA key with an exponent of five bytes', { ...rsa, e: url(1, 0, 0, 0, 1) }],
    ['an RSA key with an exponent as long as its modulus', { ...rsa, e: rsa['n'] }],
  ])('as weak: %s', (_what, value) => {
    expect(ruleOf(() => parsePublicJwk(value))).toBe('key_weak');
  });

  it('by a sentence that never repeats what was sent', () => {
    for (const value of [{ ...ed25519, alg: 'secret-word' }, { kty: 'secret-word' }]) {
      expect(() => parsePublicJwk(value)).toThrow();
      expect(() => parsePublicJwk(value)).not.toThrow(/secret-word/);
    }
  });
});

function nextInAlphabet(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet.charAt(alphabet.indexOf(letter) + 1);
}

describe('Ed25519 points that let anybody sign', () => {
  const encodings = smallOrderEncodings();
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const named = encodings.map(hexOf);
  const read = (point: Uint8Array) =>
    ruleOf(() => parsePublicJwk({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(point) }));

  it('are eight, found on the curve itself', () => {
    expect(new Set(named).size).toBe(8);
  });

  it.each(named)('%s is refused', (hex) => {
    expect(read(Buffer.from(hex, 'hex'))).toBe('key_weak');
  });

  it.each(named)('%s is refused with its sign bit flipped', (hex) => {
    const point = Buffer.from(hex, 'hex');
    point[31] = (point[31] ?? 0) ^ 0x80;
    expect(read(point)).toBe('key_weak');
  });

  it('include no neighbour: y = 2, y = p - 2 and a real key are read', () => {
    expect(read(littleEndian(2n))).toBe('accepted');
    expect(read(littleEndian(P - 2n))).toBe('accepted');
    expect(read(bytesOf(ed25519['x']))).toBe('accepted');
  });

  it.each(Array.from({ length: 19 }, (_, at) => at))(
    'y = p + %i, a second spelling, is refused with either sign bit',
    (offset) => {
      const point = littleEndian(P + BigInt(offset));
      expect(read(point)).toBe('key_invalid');
      point[31] = (point[31] ?? 0) | 0x80;
      expect(read(point)).toBe('key_invalid');
    },
  );

  it('are refused when a key is imported, from wherever it came', async () => {
    for (const point of encodings) {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(point), kid: 'key-1' };
      await expect(importVerificationKey(jwk)).rejects.toMatchObject({ rule: 'key_weak' });
    }
  });
});

describe('a thumbprint', () => {
  it.each<[string, PublicJwk, string]>([
    [
      'takes the members in the order of their names, OKP',
      { kty: 'OKP', x: 'b', crv: 'a' },
      '{"crv":"a","kty":"OKP","x":"b"}',
    ],
    [
      'takes the members in the order of their names, EC',
      { y: 'c', x: 'b', kty: 'EC', crv: 'a' },
      '{"crv":"a","kty":"EC","x":"b","y":"c"}',
    ],
    [
      'takes the members in the order of their names, RSA',
      { n: 'b', kty: 'RSA', e: 'a' },
      '{"e":"a","kty":"RSA","n":"b"}',
    ],
    [
      'does not depend on kid',
      { kty: 'OKP', crv: 'a', x: 'b', kid: 'key-1' },
      '{"crv":"a","kty":"OKP","x":"b"}',
    ],
  ])('%s', async (_what, jwk, hashed) => {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(hashed));
    expect(await thumbprint(jwk)).toBe(Buffer.from(digest).toString('base64url'));
  });
});

describe('the table of algorithms', () => {
  it('has four, ed25519 first', () => {
    expect(ALGORITHM_NAMES).toEqual([
      'ed25519',
      'ecdsa-p256-sha256',
      'ecdsa-p384-sha384',
      'rsa-pss-sha512',
    ]);
  });

  it.each(['hmac-sha256', 'rsa-v1_5-sha256', 'EdDSA', 'constructor', '__proto__', ''])(
    'does not know %j',
    (name) => {
      expect(algorithmByName(name)).toBe(undefined);
      expect(algorithmForKey(name, undefined)).toBe(undefined);
    },
  );

  it('knows each algorithm by its RFC 9421 name and its JWS names, and by no other', () => {
    for (const name of ALGORITHM_NAMES) {
      const algorithm = algorithmByName(name);
      if (algorithm === undefined) throw new Error(name);
      const own = [name, ...algorithm.jwsNames];
      for (const other of ALGORITHM_NAMES) {
        for (const spelling of [other, ...(algorithmByName(other)?.jwsNames ?? [])]) {
          expect(algorithmAgrees(spelling, algorithm)).toBe(own.includes(spelling));
        }
      }
    }
  });
});
