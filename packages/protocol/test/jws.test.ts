import { readFileSync } from 'node:fs';
import {
  type AlgorithmName,
  ALGORITHM_NAMES,
  encodeBase64Url,
  importSigningKey,
  importVerificationKey,
  type SigningKey,
  utf8,
} from '@countersign/httpsig';
import {
  type DecodedJws,
  decodeJws,
  loadKeySet,
  MAX_TOKEN_LENGTH,
  signJws,
  verifyJws,
} from '@countersign/protocol';
import { CompactSign, compactVerify, importJWK, jwtVerify, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { compact, makeSigningKey, NOW, privateJwk } from './kit.js';

const jwk = await privateJwk('ed25519', 'key-1');
const key = await importSigningKey(jwk);
const own = await importVerificationKey(jwk);
const header = { alg: 'EdDSA', kid: 'key-1', typ: 'auth+jwt' };
const payload = { iss: 'https://as.example', exp: NOW + 600 };

function accept(token: string): DecodedJws {
  const jws = decodeJws(token);
  if (typeof jws === 'string') throw new Error(jws);
  return jws;
}

/** What becomes of a token: the reason it cannot be decoded, or whether it verifies. */
async function outcome(token: string, verifier = own): Promise<string> {
  const jws = decodeJws(token);
  if (typeof jws === 'string') return jws;
  return (await verifyJws(jws, verifier)) ? 'verified' : 'not verified';
}

const [h = '', p = '', s = ''] = (await compact(header, payload, key)).split('.');

describe('a compact JWS', () => {
  it('is decoded into its header, payload, signature and signed bytes', () => {
    const jws = accept(`${h}.${p}.${s}`);
    expect(jws.header).toEqual(header);
    expect(jws.payload).toEqual(payload);
    expect(jws.signature).toHaveLength(64);
    expect(new TextDecoder().decode(jws.signingInput)).toBe(`${h}.${p}`);
  });

  it('verifies with the key that signed it', async () => {
    expect(await outcome(`${h}.${p}.${s}`)).toBe('verified');
  });

  // One spare bit set in the last character: the same bytes for a lenient decoder.
  const spare = (text: string): string => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    return text.slice(0, -1) + alphabet.charAt(alphabet.indexOf(text.slice(-1)) + 1);
  };
  const spareHeader = encodeBase64Url(utf8(JSON.stringify({ ...header, n: 1 })));

  it.each<[string, string, string]>([
    ['the empty text', '', 'token_malformed'],
    ['one part', h, 'token_malformed'],
    ['two parts', `${h}.${p}`, 'token_malformed'],
    ['four parts', `${h}.${p}.${s}.`, 'token_malformed'],
    ['five parts', `${h}.${p}.${s}.${s}.${s}`, 'token_malformed'],
    ['only dots', '..', 'token_unsigned'],
    ['an empty header', `.${p}.${s}`, 'token_malformed'],
    ['an empty payload', `${h}..${s}`, 'token_malformed'],
    ['an empty signature', `${h}.${p}.`, 'token_unsigned'],
    ['padding on the signature', `${h}.${p}.${s}==`, 'token_malformed'],
    ['padding on the payload', `${h}.${p}=.${s}`, 'token_malformed'],
    ['white space before', ` ${h}.${p}.${s}`, 'token_malformed'],
    ['white space after', `${h}.${p}.${s} `, 'token_malformed'],
    ['a line break after', `${h}.${p}.${s}\n`, 'token_malformed'],
    ['white space inside', `${h}.${p} .${s}`, 'token_malformed'],
    ['a NUL', `${h}.${p}.${s}\u0000`, 'token_malformed'],
    ['the standard alphabet', `${h}.${p}.${s.slice(0, -2)}+/`, 'token_malformed'],
    ['a character that is none of base64', `${h}.${p}.${s.slice(0, -1)}*`, 'token_malformed'],
    ['a letter outside ASCII', `${h}.${p}.${s.slice(0, -1)}Å`, 'token_malformed'],
    ['a spare bit in the signature', `${h}.${p}.${spare(s)}`, 'token_malformed'],
    ['a length no bytes have', `${h}.${p}.${s}AAA`, 'token_malformed'],
    ['the JSON serialisation', JSON.stringify({ payload: p, protected: h }), 'token_malformed'],
    ['a header that is a list', `${encodeBase64Url(utf8('[]'))}.${p}.${s}`, 'token_malformed'],
    ['a header that is no JSON', `${encodeBase64Url(utf8('{'))}.${p}.${s}`, 'token_malformed'],
    ['a payload that is a text', `${h}.${encodeBase64Url(utf8('"a"'))}.${s}`, 'token_malformed'],
    ['a payload that is null', `${h}.${encodeBase64Url(utf8('null'))}.${s}`, 'token_malformed'],
    ['bytes after the payload', `${h}.${encodeBase64Url(utf8('{}x'))}.${s}`, 'token_malformed'],
    [
      'a header that is not UTF-8',
      `${encodeBase64Url(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d))}.${p}.${s}`,
      'token_malformed',
    ],
  ])('is refused for %s', (_what, token, reason) => {
    expect(decodeJws(token)).toBe(reason);
  });

  it('is refused for a spare bit in any part', () => {
    const tails = [h, p, s, spareHeader].filter((text) => text.length % 4 !== 0);
    expect(tails).not.toEqual([]);
    for (const text of tails) expect(decodeJws(`${spare(text)}.${p}.${s}`)).toBe('token_malformed');
  });

  it('may be 8 KiB long and no longer', async () => {
    const sized = async (length: number): Promise<string> => {
      const empty = await compact(header, { fill: '' }, key);
      let fill = 'a'.repeat(Math.floor(((length - empty.length) * 3) / 4));
      let token = await compact(header, { fill }, key);
      while (token.length < length) {
        fill += 'a';
        token = await compact(header, { fill }, key);
      }
      return token;
    };
    expect(MAX_TOKEN_LENGTH).toBe(8192);
    const long = await sized(8190);
    expect(long.length).toBeLessThanOrEqual(8192);
    expect(await outcome(long)).toBe('verified');
    expect(decodeJws(await sized(8193))).toBe('token_too_large');
    expect(decodeJws('.'.repeat(10_000_000))).toBe('token_too_large');
  });

  const without = (name: string) =>
    Object.fromEntries(Object.entries(header).filter(([one]) => one !== name));
  it.each<[string, object | string]>([
    ['no alg', without('alg')],
    ['no kid', without('kid')],
    ['no typ', without('typ')],
    ['an empty kid', { ...header, kid: '' }],
    ['a kid that is a number', { ...header, kid: 1 }],
    ['a kid that is null', { ...header, kid: null }],
    ['a kid of 257 characters', { ...header, kid: 'k'.repeat(257) }],
    ['an alg that is a list', { ...header, alg: ['EdDSA'] }],
    ['a typ that is a number', { ...header, typ: 1 }],
  ])('with %s in its header is refused, though signed', async (_what, changed) => {
    expect(await outcome(await compact(changed, payload, key))).toBe('token_header_invalid');
  });

  it.each<[string, unknown]>([
    ['crit', ['exp']],
    ['crit', []],
    ['b64', true],
    ['b64', false],
    ['zip', 'DEF'],
    ['jwk', key.publicJwk],
    ['jku', 'https://as.example/jwks.json'],
    ['x5u', 'https://as.example/cert.pem'],
    ['x5c', ['MIIB']],
    ['enc', 'A256GCM'],
    ['crit', null],
  ])('with the header member %s (%j) is refused, though signed', async (name, value) => {
    const token = await compact({ ...header, [name]: value }, payload, key);
    expect(await outcome(token)).toBe('token_header_forbidden');
  });

  it('may have header members that change nothing', async () => {
    const token = await compact({ ...header, cty: 'a', x5t: 'b' }, payload, key);
    expect(await outcome(token)).toBe('verified');
  });

  it.each<[string, string, string]>([
    ['alg', '{"alg":"none","kid":"key-1","typ":"auth+jwt","alg":"EdDSA"}', '{"exp":1}'],
    ['kid, once escaped', '{"alg":"EdDSA","kid":"x","typ":"auth+jwt","\\u006bid":"key-1"}', '{}'],
    ['exp', JSON.stringify(header), '{"exp":1,"exp":2}'],
    ['exp, once escaped', JSON.stringify(header), '{"exp":1,"\\u0065xp":2}'],
    ['jwk in cnf', JSON.stringify(header), '{"cnf":{"jwk":{},"jwk":{}}}'],
  ])('with %s given twice is refused, though signed', async (_what, rawHeader, rawPayload) => {
    expect(await outcome(await compact(rawHeader, rawPayload, key))).toBe('token_malformed');
  });

  it.each([
    ['none', 'not verified'],
    ['None', 'not verified'],
    ['HS256', 'not verified'],
    ['eddsa', 'not verified'],
    ['EDDSA', 'not verified'],
    ['ed25519', 'not verified'],
    ['ES256', 'not verified'],
    ['PS512', 'not verified'],
    ['RS256', 'not verified'],
    ['Ed448', 'not verified'],
    ['', 'not verified'],
    [' EdDSA', 'not verified'],
    ['constructor', 'not verified'],
    ['EdDSA', 'verified'],
    ['Ed25519', 'verified'],
  ])('whose alg is "%s" is %s with an Ed25519 key', async (alg, expected) => {
    expect(await outcome(await compact({ ...header, alg }, payload, key))).toBe(expected);
  });

  it('signed with a public key as if it were a secret is not verified', async () => {
    const secret = Buffer.from(JSON.stringify(key.publicJwk));
    const token = await new CompactSign(utf8('{}'))
      .setProtectedHeader({ ...header, alg: 'HS256' })
      .sign(secret);
    expect(await outcome(token)).toBe('not verified');
  });

  it('without signature, as other libraries write it, is refused', () => {
    expect(decodeJws(new UnsecuredJWT({}).encode())).toBe('token_unsigned');
  });

  it.each<[string, (token: string) => string]>([
    ['another payload', (t) => t.replace(p, encodeBase64Url(utf8('{"iss":"https://as.example"}')))],
    [
      'another header',
      (t) => t.replace(h, encodeBase64Url(utf8(JSON.stringify({ ...header, a: 1 })))),
    ],
    ['a signature of zeros', () => `${h}.${p}.${encodeBase64Url(new Uint8Array(64))}`],
    [
      'a signature cut by a byte',
      () => `${h}.${p}.${encodeBase64Url(accept(`${h}.${p}.${s}`).signature.slice(1))}`,
    ],
    [
      'a byte after its signature',
      () => `${h}.${p}.${encodeBase64Url(Uint8Array.of(...accept(`${h}.${p}.${s}`).signature, 0))}`,
    ],
  ])('with %s is not verified', async (_what, change) => {
    expect(await outcome(change(`${h}.${p}.${s}`))).toBe('not verified');
  });

  it('is not verified with another key of the same type', async () => {
    const other = await importVerificationKey((await makeSigningKey()).publicJwk);
    expect(await outcome(`${h}.${p}.${s}`, other)).toBe('not verified');
  });
});

describe.each(ALGORITHM_NAMES)('with %s', (algorithm) => {
  const prepare = async (name: AlgorithmName) => {
    const material = await privateJwk(name, 'key-1');
    const set = await loadKeySet({ keys: [material] });
    const signing = set.current;
    const alg = signing.algorithm.jws;
    const { kid: _kid, ...publicMembers } = signing.publicJwk;
    return {
      signing,
      alg,
      verifying: await importVerificationKey(signing.publicJwk),
      josePublic: await importJWK(publicMembers, alg),
      josePrivate: await importJWK(material, alg),
    };
  };
  const prepared = prepare(algorithm);

  it('what we sign verifies elsewhere', async () => {
    const { signing, alg, josePublic } = await prepared;
    const token = await signJws('auth+jwt', payload, signing, 'key-1');
    const verified = await compactVerify(token, josePublic, { algorithms: [alg] });
    expect(verified.protectedHeader).toEqual({ alg, kid: 'key-1', typ: 'auth+jwt' });
    const jwt = await jwtVerify(token, josePublic, {
      algorithms: [alg],
      issuer: 'https://as.example',
      typ: 'auth+jwt',
      currentDate: new Date(NOW * 1000),
    });
    expect(jwt.payload).toEqual(payload);
  });

  it('what is signed elsewhere verifies here', async () => {
    const { alg, josePrivate, verifying } = await prepared;
    const token = await new SignJWT(payload)
      .setProtectedHeader({ ...header, alg })
      .sign(josePrivate);
    expect(accept(token).payload).toEqual(payload);
    expect(await outcome(token, verifying)).toBe('verified');
  });

  it('a token that names the algorithm of another key is not verified', async () => {
    const { signing, verifying, alg } = await prepared;
    for (const other of ['EdDSA', 'ES256', 'ES384', 'PS512', 'PS256', 'RS512', 'ES512']) {
      const token = await compact({ ...header, alg: other }, payload, signing);
      expect(await outcome(token, verifying)).toBe(other === alg ? 'verified' : 'not verified');
    }
  });
});

it('an ECDSA signature in DER is not verified', async () => {
  const { createSign, createPrivateKey } = await import('node:crypto');
  const material = await privateJwk('ecdsa-p256-sha256');
  const es256 = await importSigningKey(material);
  const verifier = await importVerificationKey(es256.publicJwk);
  const token = await compact({ ...header, alg: 'ES256' }, payload, es256);
  expect(await outcome(token, verifier)).toBe('verified');
  const signingInput = token.slice(0, token.lastIndexOf('.'));
  const der = createSign('sha256')
    .update(signingInput)
    .sign(createPrivateKey({ key: { ...material }, format: 'jwk' }));
  expect(await outcome(`${signingInput}.${encodeBase64Url(der)}`, verifier)).toBe('not verified');
});

describe('RFC 8037 appendix A.4', () => {
  const vector = JSON.parse(
    readFileSync(new URL('../../httpsig/test/vectors/rfc8037.json', import.meta.url), 'utf8'),
  ) as { jwk: JsonWebKey; signingInput: string; signature: string };

  it('is signed with the same bytes', async () => {
    const a4: SigningKey = await importSigningKey(vector.jwk);
    const [first = '', second = ''] = vector.signingInput
      .split('.')
      .map((text) => Buffer.from(text, 'base64url').toString());
    expect(await compact(first, second, a4)).toBe(`${vector.signingInput}.${vector.signature}`);
  });

  it('is verified', async () => {
    const verifier = await importVerificationKey(vector.jwk);
    const jws: DecodedJws = {
      header: { alg: 'EdDSA', kid: 'none', typ: 'none' },
      payload: {},
      signingInput: utf8(vector.signingInput),
      signature: new Uint8Array(Buffer.from(vector.signature, 'base64url')),
    };
    expect(await verifyJws(jws, verifier)).toBe(true);
    expect(
      await verifyJws({ ...jws, signingInput: utf8(`${vector.signingInput}x`) }, verifier),
    ).toBe(false);
  });
});
