import { isAAuthError, loadKeySet } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { privateJwk, refusalOf } from './kit.js';

const one = await privateJwk('ed25519', 'one');
const two = await privateJwk('ecdsa-p256-sha256', 'two');
const other = await privateJwk('ed25519', 'one');
const { d: _private, ...publicOnly } = one;

describe('a key set', () => {
  it('signs with its first key and publishes all of them, without private members', async () => {
    const set = await loadKeySet({ keys: [one, two] });
    expect(set.current.kid).toBe('one');
    expect(set.jwks).toEqual({
      keys: [
        { kty: 'OKP', crv: 'Ed25519', x: one.x, kid: 'one' },
        { kty: 'EC', crv: 'P-256', x: two.x, y: two.y, kid: 'two' },
      ],
    });
    expect(JSON.stringify(set)).not.toContain(one.d);
    expect(JSON.stringify(set)).not.toContain(two.d);
  });

  it('publishes nothing that stood beside the key', async () => {
    const set = await loadKeySet({ keys: [{ ...one, note: 'private', use: 'sig', alg: 'EdDSA' }] });
    expect(Object.keys(set.jwks.keys[0] ?? {})).toEqual(['kty', 'crv', 'x', 'kid']);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', [one]],
    ['a key instead of a set', one],
    ['a set without keys', { keys: [] }],
    ['keys that are not a list', { keys: { one } }],
    ['a key without kid', { keys: [{ ...one, kid: undefined }] }],
    ['an empty kid', { keys: [{ ...one, kid: '' }] }],
    ['a kid that is a number', { keys: [{ ...one, kid: 1 }] }],
    ['a kid over 256 characters', { keys: [{ ...one, kid: 'k'.repeat(257) }] }],
    ['a kid used twice', { keys: [one, { ...two, kid: 'one' }] }],
    ['a public key', { keys: [publicOnly] }],
    ['a private part of another key', { keys: [{ ...one, d: other.d }] }],
    ['a symmetric key', { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'one' }] }],
    ['a key for encryption', { keys: [{ ...one, use: 'enc' }] }],
    ['a key whose alg is of another type', { keys: [{ ...one, alg: 'ES256' }] }],
    ['a small-order key', { keys: [{ ...one, x: `AQ${'A'.repeat(41)}` }] }],
    ['a second key that is malformed', { keys: [one, { ...two, x: 'AA' }] }],
    ['null among the keys', { keys: [null] }],
  ])('is refused for %s, and the error holds no key material', async (_what, value) => {
    const error = await refusalOf(loadKeySet(value));
    expect(isAAuthError(error, 'configuration_invalid')).toBe(true);
    for (const secret of [one.d, two.d, other.d]) expect(error.message).not.toContain(secret);
    expect(error.cause).toBe(undefined);
  });

  it('says which key is at fault', async () => {
    const error = await refusalOf(loadKeySet({ keys: [one, { ...two, x: 'AA' }] }));
    expect(error.message).toContain('Key 2');
  });
});
