import {
  encryptToken,
  type EncryptionJwk,
  generateEncryptionJwk,
  loadTokenOpener,
  readEncryptionJwk,
  type TokenOpener,
} from '@countersign/protocol';
import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { canEncryptTo } from '../src/exploratory/token-encryption.js';
import { authTokenFor, makeAgent, makeAuthServer, makeResource, refusalOf } from './kit.js';

const [agent, resource, authServer] = await Promise.all([
  makeAgent(),
  makeResource(),
  makeAuthServer(),
]);
const token = await authTokenFor(authServer, resource, agent);

async function pair(alg: string, options: { crv?: string; modulusLength?: number }, kid = 'enc-1') {
  const made = await generateKeyPair(alg, { ...options, extractable: true });
  return { ...(await exportJWK(made.privateKey)), kid };
}

const pairs = {
  'EC P-256': await pair('ECDH-ES+A256KW', { crv: 'P-256' }),
  'EC P-384': await pair('ECDH-ES+A256KW', { crv: 'P-384' }),
  X25519: await pair('ECDH-ES+A256KW', { crv: 'X25519' }),
  'RSA 2048': await pair('RSA-OAEP-256', { modulusLength: 2048 }),
} as const;
const { d: _d, ...p256 } = pairs['EC P-256'];
const { d: _x, ...x25519 } = pairs.X25519;
const rsa = (({ kty, n, e, kid }) => ({ kty, n, e, kid }))(pairs['RSA 2048']);

const openers: Record<string, TokenOpener> = {};
for (const [name, jwk] of Object.entries(pairs)) {
  openers[name] = await loadTokenOpener({ keys: [jwk] });
}
const openerOf = (name: string): TokenOpener => openers[name] ?? expect.fail(name);

describe('a token encrypted to a resource', () => {
  it.each(Object.entries(pairs))('is what jose opens with a key of type %s', async (name, jwk) => {
    const { publicJwk } = openerOf(name);
    const jwe = await encryptToken(token, publicJwk);
    const alg = name.startsWith('RSA') ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW';
    expect(decodeProtectedHeader(jwe)).toMatchObject({
      alg,
      enc: 'A256GCM',
      typ: 'auth+jwt',
      kid: 'enc-1',
    });
    const { plaintext } = await compactDecrypt(jwe, await importJWK(jwk, alg));
    expect(new TextDecoder().decode(plaintext)).toBe(token);
    expect(await openerOf(name).open(jwe)).toBe(token);
  });

  it('is another text each time, and nothing in it can be read', async () => {
    const { publicJwk } = openerOf('EC P-256');
    const [one, other] = [
      await encryptToken(token, publicJwk),
      await encryptToken(token, publicJwk),
    ];
    expect(one).not.toBe(other);
    expect(one).not.toContain(token.split('.')[1]);
  });

  it('cannot be opened by the agent, whichever keys it has', async () => {
    const jwe = await encryptToken(token, openerOf('EC P-256').publicJwk);
    const own = await pair('ECDH-ES+A256KW', { crv: 'P-256' }, 'enc-1');
    const agents = await loadTokenOpener({ keys: [own] });
    expect(await refusalOf(agents.open(jwe))).toMatchObject({ rule: 'token_decryption' });
    expect(await openerOf('EC P-256').open(jwe)).toBe(token);
  });

  it('cannot be opened under another kid', async () => {
    const jwe = await encryptToken(token, { ...openerOf('EC P-256').publicJwk, kid: 'enc-2' });
    expect(await refusalOf(openerOf('EC P-256').open(jwe))).toMatchObject({
      rule: 'encryption_kid_unknown',
    });
  });

  it.each([0, 1, 2, 3, 4])('is refused when part %i has been changed', async (at) => {
    const jwe = await encryptToken(token, openerOf('EC P-256').publicJwk);
    const parts = jwe.split('.');
    const part = parts[at] ?? '';
    parts[at] = `${part.slice(0, 4)}${part[4] === 'A' ? 'B' : 'A'}${part.slice(5)}`;
    expect(await refusalOf(openerOf('EC P-256').open(parts.join('.')))).toMatchObject({
      code: 'invalid_token',
    });
  });
});

describe('the public key of an opener', () => {
  it.each(Object.entries(pairs))('has no private member (%s) and reads as one', (name, jwk) => {
    const { publicJwk } = openerOf(name);
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
      expect(publicJwk).not.toHaveProperty(member);
    }
    expect(jwk).toMatchObject(publicJwk);
    expect(readEncryptionJwk(publicJwk)).toEqual(publicJwk);
  });

  it('is the first key’s, and the others still open what was made before', async () => {
    const old = { ...pairs['EC P-256'], kid: 'enc-0' };
    const before = await loadTokenOpener({ keys: [old] });
    const jwe = await encryptToken(token, before.publicJwk);
    const after = await loadTokenOpener({ keys: [pairs.X25519, old] });
    expect(after.publicJwk).toEqual(openerOf('X25519').publicJwk);
    expect(await after.open(jwe)).toBe(token);
  });
});

it('a generated key is private, says what for, and works', async () => {
  const jwk = await generateEncryptionJwk({ kid: 'made' });
  expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', kid: 'made', use: 'enc' });
  const opener = await loadTokenOpener({ keys: [jwk] });
  expect(await opener.open(await encryptToken(token, opener.publicJwk))).toBe(token);
  expect((await generateEncryptionJwk({ kid: 'made' }))['d']).not.toBe(jwk['d']);
});

describe('an encryption JWK', () => {
  it.each<[string, Record<string, unknown>]>([
    ['P-256', p256],
    ['X25519', x25519],
    ['RSA', rsa],
    ['one that says what for', { ...p256, use: 'enc', alg: 'ECDH-ES+A256KW' }],
  ])('is read: %s', (_title, jwk) => {
    expect(readEncryptionJwk(jwk)).toMatchObject({ kid: 'enc-1' });
  });

  const smallOrder = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
  it.each<[string, unknown, string]>([
    ['no object', 'key', 'encryption_key_invalid'],
    ['no kid', { ...p256, kid: undefined }, 'encryption_key_invalid'],
    ['an endless kid', { ...p256, kid: 'k'.repeat(257) }, 'encryption_key_invalid'],
    ['a private member', pairs['EC P-256'], 'encryption_key_private'],
    ['a private member of RSA', { ...rsa, qi: 'AQ' }, 'encryption_key_private'],
    ['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'k' }, 'encryption_key_private'],
    ['a use for signatures', { ...p256, use: 'sig' }, 'encryption_key_unsupported'],
    ['another algorithm', { ...p256, alg: 'ECDH-ES' }, 'encryption_key_unsupported'],
    ['an algorithm of RSA’s past', { ...rsa, alg: 'RSA1_5' }, 'encryption_key_unsupported'],
    ['an unknown type', { ...p256, kty: 'XX' }, 'encryption_key_unsupported'],
    ['an unknown curve', { ...p256, crv: 'P-521' }, 'encryption_key_unsupported'],
    ['a signing curve', { ...x25519, crv: 'Ed25519' }, 'encryption_key_unsupported'],
    ['padding', { ...p256, x: `${p256.x}=` }, 'encryption_key_invalid'],
    ['a coordinate cut short', { ...p256, x: p256.x?.slice(4) }, 'encryption_key_invalid'],
    ['an X25519 key cut short', { ...x25519, x: x25519.x?.slice(4) }, 'encryption_key_invalid'],
    ['a short RSA modulus', { ...rsa, n: rsa.n?.slice(0, 172) }, 'encryption_key_weak'],
    ['an RSA exponent of 3', { ...rsa, e: 'Aw' }, 'encryption_key_weak'],
    ['an RSA exponent of 1', { ...rsa, e: 'AQ' }, 'encryption_key_weak'],
    ['the zero point', { ...x25519, x: smallOrder('00'.repeat(32)) }, 'encryption_key_weak'],
    ['the point 1', { ...x25519, x: smallOrder(`01${'00'.repeat(31)}`) }, 'encryption_key_weak'],
    [
      'a point of order 8',
      {
        ...x25519,
        x: smallOrder('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
      },
      'encryption_key_weak',
    ],
    [
      'a second spelling of zero',
      { ...x25519, x: smallOrder(`ed${'ff'.repeat(30)}7f`) },
      'encryption_key_invalid',
    ],
    [
      'the top bit set',
      { ...x25519, x: smallOrder(`05${'00'.repeat(30)}80`) },
      'encryption_key_invalid',
    ],
  ])('is refused with %s', (_title, jwk, rule) => {
    expect(readEncryptionJwk(jwk)).toBe(rule);
  });

  it('whose point is not on its curve is found out by using it', async () => {
    const swapped = readEncryptionJwk({ ...p256, x: p256.y, y: p256.x }) as EncryptionJwk;
    expect(typeof swapped).toBe('object');
    expect(await canEncryptTo(swapped)).toBe(false);
    expect(await canEncryptTo(readEncryptionJwk(p256) as EncryptionJwk)).toBe(true);
  });
});
