import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  generatePrivateJwk,
  importSigningKey,
  importVerificationKey,
  type PrivateJwk,
  utf8,
} from '../src/index.js';
import { testKeys } from './support.js';

const DATA = utf8('data');
const another = new Map<AlgorithmName, Promise<PrivateJwk>>();

/** A second key of the same kind, generated once. */
function other(name: AlgorithmName): Promise<PrivateJwk> {
  const held = another.get(name) ?? generatePrivateJwk({ algorithm: name });
  another.set(name, held);
  return held;
}

describe.each(ALGORITHM_NAMES)('a %s signing key', (name) => {
  it('signs what its public key verifies, and its public key has no private member', async () => {
    const key = await importSigningKey({ ...testKeys[name], kid: 'key-1' });
    expect(key.algorithm.name).toBe(name);
    expect(key.publicJwk).not.toHaveProperty('d');
    expect(key.publicJwk.kid).toBe('key-1');
    const signature = await key.sign(DATA);
    const verifier = await importVerificationKey(key.publicJwk);
    expect(verifier.thumbprint).toBe(key.thumbprint);
    expect(await verifier.verify(signature, DATA)).toBe(true);
    expect(await verifier.verify(signature, utf8('date'))).toBe(false);
  });

  it('is generated fit for a keys file', async () => {
    const jwk = await other(name);
    const { kid } = jwk;
    const key = await importSigningKey(jwk);
    expect(kid).toBe(key.thumbprint);
    expect(jwk).not.toHaveProperty('alg');
    expect(jwk).not.toHaveProperty('key_ops');
    expect(jwk).not.toHaveProperty('ext');
    const verifier = await importVerificationKey(key.publicJwk);
    expect(await verifier.verify(await key.sign(DATA), DATA)).toBe(true);
  });

  it('is refused without its private members', async () => {
    const { publicJwk } = await importSigningKey(testKeys[name]);
    await expect(importSigningKey(publicJwk)).rejects.toMatchObject({ rule: 'key_invalid' });
  });

  it.each([
    ['is no base64url', '***'],
    ['is empty', ''],
  ])('is refused when each of its private members %s', async (_what, value) => {
    const broken = Object.fromEntries(
      Object.entries(testKeys[name]).map(([member, held]) => [
        member,
        ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(member) ? value : held,
      ]),
    );
    await expect(importSigningKey(broken)).rejects.toMatchObject({ rule: 'key_invalid' });
  });

  it('is refused when its public members belong to another key', async () => {
    const { d: _d, ...members } = await other(name);
    const { kty, crv, x, y, n, e } = members;
    const publicOnly = Object.fromEntries(
      Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
    );
    await expect(importSigningKey({ ...testKeys[name], ...publicOnly })).rejects.toMatchObject({
      name: 'SignatureError',
      rule: 'key_invalid',
    });
  });
});

describe('a signing key', () => {
  it('is refused when its private member is not a string', async () => {
    await expect(importSigningKey({ ...testKeys.ed25519, d: 7 })).rejects.toMatchObject({
      rule: 'key_invalid',
    });
  });

  it('is refused for whatever its public part is refused for', async () => {
    await expect(importSigningKey({ ...testKeys.ed25519, use: 'enc' })).rejects.toMatchObject({
      rule: 'key_unsupported',
    });
    await expect(importSigningKey(undefined)).rejects.toMatchObject({ rule: 'key_invalid' });
  });

  it('is ed25519 when nothing else is asked for, under the kid that was asked for', async () => {
    const jwk = await generatePrivateJwk({ kid: 'key-7' });
    expect(jwk).toMatchObject({ kty: 'OKP', crv: 'Ed25519', kid: 'key-7' });
  });

  it('cannot be generated for an algorithm that is not known', async () => {
    await expect(
      generatePrivateJwk({ algorithm: 'hmac-sha256' as AlgorithmName }),
    ).rejects.toBeInstanceOf(TypeError);
  });
});
