import { decodeBase64Url } from './bytes.js';

/** The members of an RSA private key (RFC 7518 section 6.3.2). */
export type RsaMembers = {
  readonly [K in 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi']?: string | undefined;
};

/**
 * True when the private members of an RSA key belong to its public ones and to one another. Asked before the key is used:
 * Node 20.19 ends its process when it signs with one whose members contradict each other.
 */
export function agreeRsaMembers(members: RsaMembers): boolean {
  const [n, e, d, p, q, dp, dq, qi] = [
    members.n,
    members.e,
    members.d,
    members.p,
    members.q,
    members.dp,
    members.dq,
    members.qi,
  ].map(unsigned);
  if (n === undefined || e === undefined || d === undefined) return false;
  if (p === undefined || q === undefined) return false;
  if (p <= 1n || q <= 1n || p * q !== n) return false;
  return (
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    qi !== undefined &&
    qi < p &&
    (qi * q) % p === 1n
  );
}

function unsigned(member: string | undefined): bigint | undefined {
  const bytes = member === undefined ? undefined : decodeBase64Url(member);
  if (bytes === undefined || bytes.length === 0) return undefined;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  return BigInt(`0x${digits.join('')}`);
}
