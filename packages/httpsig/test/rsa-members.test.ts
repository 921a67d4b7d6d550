import { describe, expect, it } from 'vitest';
import { encodeBase64Url, generatePrivateJwk, type PrivateJwk } from '../src/index.js';
import { agreeRsaMembers } from '../src/rsa-members.js';
import { testKeys } from './support.js';

const own: PrivateJwk = testKeys['rsa-pss-sha512'];
const MEMBERS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const;

/** The member with its lowest bit turned. */
function turned(member: string | undefined): string {
  const bytes = Uint8Array.from(Buffer.from(member ?? '', 'base64url'));
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return encodeBase64Url(bytes);
}

describe('the members of an RSA private key', () => {
  it('agree in a key that was generated', async () => {
    expect(agreeRsaMembers(own)).toBe(true);
    expect(agreeRsaMembers(await generatePrivateJwk({ algorithm: 'rsa-pss-sha512' }))).toBe(true);
  });

  it('agree when the primes change places with all that follows from them', () => {
    const { p, q, dp, dq } = own;
    const prime = BigInt(`0x${Buffer.from(q ?? '', 'base64url').toString('hex')}`);
    const inverse = powerModulo(
      BigInt(`0x${Buffer.from(p ?? '', 'base64url').toString('hex')}`),
      prime - 2n,
      prime,
    );
    const digits = inverse.toString(16);
    const qi = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
    const swapped = { ...own, p: q, q: p, dp: dq, dq: dp, qi: qi.toString('base64url') };
    expect(agreeRsaMembers(swapped)).toBe(true);
    expect(agreeRsaMembers({ ...swapped, qi: own.qi })).toBe(false);
  });

  it.each(MEMBERS)('disagree when one bit of %s is another', (name) => {
    expect(agreeRsaMembers({ ...own, [name]: turned(own[name]) })).toBe(false);
  });

  it.each(MEMBERS)('do not agree without %s', (name) => {
    expect(agreeRsaMembers({ ...own, [name]: undefined })).toBe(false);
  });

  it.each(MEMBERS)('do not agree when %s is not base64url', (name) => {
    expect(agreeRsaMembers({ ...own, [name]: '!' })).toBe(false);
  });

  it.each(['p', 'q'] as const)('do not agree when %s is nothing or one', (name) => {
    for (const value of ['AA', 'AQ', '']) {
      expect(agreeRsaMembers({ ...own, [name]: value })).toBe(false);
    }
  });
});

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
