import { algorithmForKey, type SignatureAlgorithm } from './algorithms.js';
import { type Bytes, decodeBase64Url, encodeBase64Url, utf8 } from './bytes.js';
import { SignatureError } from './failure.js';
import { sha256 } from '#platform';

/** The public members of a JWK, in the order of their registration; nothing else the sender put there. */
export type PublicJwk =
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string; readonly kid?: string }
  | {
      readonly kty: 'EC';
      readonly crv: string;
      readonly x: string;
      readonly y: string;
      readonly kid?: string;
    }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string; readonly kid?: string };

export interface ParsedJwk {
  readonly jwk: PublicJwk;
  readonly algorithm: SignatureAlgorithm;
}

const COORDINATE_BYTES: Partial<Record<string, number>> = Object.assign(
  Object.create(null) as object,
  { 'OKP Ed25519': 32, 'EC P-256': 32, 'EC P-384': 48 },
);

/** Far above the longest modulus accepted, so that a key that is merely too large is told so. */
const MAX_MEMBER_LENGTH = 4096;

function refuse(message: string): never {
  throw new SignatureError('key_invalid', message);
}

function canonical(source: Record<string, unknown>, member: string, length?: number): Bytes {
  const text = source[member];
  if (typeof text !== 'string') refuse(`The key has no "${member}" member.`);
  const bytes = text.length > MAX_MEMBER_LENGTH ? undefined : decodeBase64Url(text);
  if (bytes === undefined) refuse(`The key's "${member}" is not canonical base64url.`);
  if (length !== undefined && bytes.length !== length) {
    refuse(`The key's "${member}" must be ${length} bytes long.`);
  }
  return bytes;
}

/**
 * The y coordinates (sign bit cleared, little-endian hex) of the eight points of small order on
 * edwards25519. Signatures "verify" under such keys for messages nobody signed, and platforms accept them.
 */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function checkEd25519Point(point: Uint8Array): void {
  const y = Uint8Array.from(point);
  y[31] = (y[31] ?? 0) & 0x7f;
  // y >= 2^255 - 19 is a second spelling of a smaller number.
  if (y[31] === 0x7f && (y[0] ?? 0) >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff)) {
    refuse('The key is a non-canonical encoding of an Ed25519 point.');
  }
  const hex = Array.from(y, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (SMALL_ORDER_Y.has(hex)) {
    throw new SignatureError('key_weak', 'The key is an Ed25519 point of small order.');
  }
}

function checkRsa(modulus: Uint8Array, exponent: Uint8Array): void {
  const top = modulus[0] ?? 0;
  if (top === 0 || (exponent[0] ?? 0) === 0)
    refuse('RSA numbers are written without leading zeros.');
  const bits = modulus.length * 8 - Math.clz32(top) + 24;
  if (bits < 2048) throw new SignatureError('key_weak', 'RSA keys must have at least 2048 bits.');
  if (bits > 4096)
    throw new SignatureError('key_unsupported', 'RSA keys may have at most 4096 bits.');
  const odd = ((modulus[modulus.length - 1] ?? 0) & 1) === 1;
  const value = exponent.length > 4 ? 0 : exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (!odd || value < 65_537 || value % 2 === 0) {
    throw new SignatureError(
      'key_weak',
      'RSA keys need an odd modulus and an odd exponent of 65537 or more, in at most 4 bytes.',
    );
  }
}

/**
 * Reads a JWK as a public key: canonical members only, so that one key has one thumbprint, and no weak keys.
 * Private and unknown members are left behind. `use` other than `sig`, `key_ops` without `verify` and an `alg`
 * that contradicts the key are refused.
 *
 * Throws {@link SignatureError}: `key_invalid`, `key_weak`, `key_unsupported` or `algorithm_mismatch`.
 * Does not check that an EC point lies on its curve: importing the key does.
 */
export function parsePublicJwk(value: unknown): ParsedJwk {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('A key must be a JSON object.');
  }
  const source = value as Record<string, unknown>;
  const { kty, crv, kid, alg, use } = source;
  if (typeof kty !== 'string') refuse('The key has no "kty" member.');
  if (crv !== undefined && typeof crv !== 'string') refuse('The key\'s "crv" must be a string.');
  const algorithm = algorithmForKey(kty, kty === 'RSA' ? undefined : crv);
  if (algorithm === undefined || (kty === 'RSA' && crv !== undefined)) {
    throw new SignatureError('key_unsupported', 'The key type or curve is not supported.', {
      accepted: ['Ed25519', 'P-256', 'P-384', 'RSA'],
    });
  }
  if (alg !== undefined && !(typeof alg === 'string' && agrees(alg, algorithm))) {
    throw new SignatureError('algorithm_mismatch', 'The key\'s "alg" contradicts its type.');
  }
  if (use !== undefined && use !== 'sig') {
    throw new SignatureError('key_unsupported', 'The key\'s "use" does not allow signatures.');
  }
  const operations = source['key_ops'];
  if (operations !== undefined && !allowsSignatures(operations)) {
    throw new SignatureError('key_unsupported', 'The key\'s "key_ops" does not allow signatures.');
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256)) {
    refuse('The key\'s "kid" must be a string of at most 256 characters.');
  }
  return { jwk: publicMembers(source, algorithm, kid), algorithm };
}

/** True when `name` (RFC 9421 or JWS) is a name of `algorithm`. */
export function agrees(name: string, algorithm: SignatureAlgorithm): boolean {
  return name === algorithm.name || algorithm.jwsNames.includes(name);
}

function allowsSignatures(operations: unknown): boolean {
  return Array.isArray(operations) && operations.some((one) => one === 'verify' || one === 'sign');
}

function publicMembers(
  source: Record<string, unknown>,
  algorithm: SignatureAlgorithm,
  kid: string | undefined,
): PublicJwk {
  const named = kid === undefined ? {} : { kid };
  const length = COORDINATE_BYTES[`${algorithm.kty} ${algorithm.crv ?? ''}`];
  switch (algorithm.kty) {
    case 'OKP': {
      const x = canonical(source, 'x', length);
      checkEd25519Point(x);
      return { kty: 'OKP', crv: algorithm.crv ?? '', x: encodeBase64Url(x), ...named };
    }
    case 'EC': {
      const x = encodeBase64Url(canonical(source, 'x', length));
      const y = encodeBase64Url(canonical(source, 'y', length));
      return { kty: 'EC', crv: algorithm.crv ?? '', x, y, ...named };
    }
    case 'RSA': {
      const n = canonical(source, 'n');
      const e = canonical(source, 'e');
      checkRsa(n, e);
      return { kty: 'RSA', n: encodeBase64Url(n), e: encodeBase64Url(e), ...named };
    }
  }
}

/** The RFC 7638 SHA-256 thumbprint, base64url without padding. Takes a parsed key, so that equal keys have equal thumbprints. */
export async function thumbprint(jwk: PublicJwk): Promise<string> {
  const members =
    jwk.kty === 'OKP'
      ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
      : jwk.kty === 'EC'
        ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
        : { e: jwk.e, kty: jwk.kty, n: jwk.n };
  return encodeBase64Url(await sha256(utf8(JSON.stringify(members))));
}
