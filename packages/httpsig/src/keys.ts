import { algorithmByName, type AlgorithmName, type SignatureAlgorithm } from './algorithms.js';
import type { Bytes } from './bytes.js';
import { SignatureError } from './failure.js';
import { parsePublicJwk, type PublicJwk, thumbprint } from './jwk.js';
import { importPublicKey, importSigner, type PublicKeyHandle, verifySignature } from '#platform';
import { agreeRsaMembers } from './rsa-members.js';

/** A public key that has been checked and imported: canonical, of a supported type, not weak. */
export interface VerificationKey {
  readonly algorithm: SignatureAlgorithm;
  /** The public members, canonical, with `kid` when the source had one. */
  readonly jwk: PublicJwk;
  /** RFC 7638 SHA-256 thumbprint, base64url. */
  readonly thumbprint: string;
  /**
   * True when `signature` is this key's over `data`. Never throws. `here` replaces the check on the calling thread,
   * where the platform has a choice of threads.
   */
  verify(signature: Bytes, data: Bytes, here?: () => boolean): boolean | Promise<boolean>;
}

/** A key that signs. `sign` may be carried out elsewhere, for instance by a key management service. */
export interface SigningKey {
  readonly algorithm: SignatureAlgorithm;
  readonly publicJwk: PublicJwk;
  readonly thumbprint: string;
  sign(data: Bytes): Promise<Bytes>;
}

/**
 * Checks a signature with a key. Replaces the platform's own verification, for instance by a faster library; it must
 * refuse whatever the platform would refuse. May answer at once or later; must not throw for a bad signature.
 */
export type SignatureVerifier = (
  key: VerificationKey,
  signature: Bytes,
  data: Bytes,
) => boolean | Promise<boolean>;

class ImportedKey implements VerificationKey {
  readonly algorithm: SignatureAlgorithm;
  readonly jwk: PublicJwk;
  readonly thumbprint: string;
  readonly #handle: PublicKeyHandle;

  constructor(
    algorithm: SignatureAlgorithm,
    jwk: PublicJwk,
    print: string,
    handle: PublicKeyHandle,
  ) {
    this.algorithm = algorithm;
    this.jwk = jwk;
    this.thumbprint = print;
    this.#handle = handle;
  }

  verify(signature: Bytes, data: Bytes, here?: () => boolean): boolean | Promise<boolean> {
    return verifySignature(this.#handle, this.algorithm, signature, data, here);
  }
}

/**
 * Checks and imports a public JWK for verification.
 * Throws {@link SignatureError}: `key_invalid`, `key_weak`, `key_unsupported`, `algorithm_mismatch`.
 */
export async function importVerificationKey(value: unknown): Promise<VerificationKey> {
  const { jwk, algorithm } = parsePublicJwk(value);
  let handle: PublicKeyHandle;
  try {
    handle = await importPublicKey(jwk, algorithm);
  } catch {
    throw new SignatureError('key_invalid', 'The key is not a point on its curve.');
  }
  return new ImportedKey(algorithm, jwk, await thumbprint(jwk), handle);
}

/** A private JWK as it is kept in a keys file. */
export type PrivateJwk = JsonWebKey & { kid?: string };

/**
 * Imports a private JWK for signing.
 * Throws {@link SignatureError} for what {@link importVerificationKey} refuses, and `key_invalid` when the private
 * members are missing or do not belong to the public ones.
 */
export async function importSigningKey(value: unknown): Promise<SigningKey> {
  const { jwk, algorithm } = parsePublicJwk(value);
  const source = value as PrivateJwk;
  if (typeof source.d !== 'string') {
    throw new SignatureError('key_invalid', 'The key has no private members.');
  }
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = source;
  if (algorithm.kty === 'RSA' && !agreeRsaMembers(source)) notItsOwn();
  let sign: SigningKey['sign'];
  try {
    const members = Object.entries({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi });
    const material = Object.fromEntries(members.filter(([, one]) => one !== undefined));
    sign = await importSigner(material, algorithm);
  } catch {
    throw new SignatureError('key_invalid', 'The private key cannot be imported.');
  }
  const probe = new Uint8Array([0]);
  const own = await importVerificationKey(jwk);
  const trial = await sign(probe).catch(() => undefined);
  if (trial === undefined || !(await own.verify(trial, probe))) notItsOwn();
  return { algorithm, publicJwk: own.jwk, thumbprint: own.thumbprint, sign };
}

function notItsOwn(): never {
  throw new SignatureError('key_invalid', 'The private members do not belong to the public key.');
}

/**
 * Generates a key pair as a private JWK, fit for a keys file.
 * `algorithm` defaults to `ed25519`; `kid` defaults to the key's thumbprint.
 */
export async function generatePrivateJwk(
  options: { algorithm?: AlgorithmName; kid?: string } = {},
): Promise<PrivateJwk & { kid: string }> {
  const algorithm = algorithmByName(options.algorithm ?? 'ed25519');
  if (algorithm === undefined) throw new TypeError('unknown signature algorithm');
  const pair = (await crypto.subtle.generateKey(algorithm.generateParams, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const {
    key_ops: _operations,
    ext: _extractable,
    ...material
  } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  delete material.alg;
  const kid = options.kid ?? (await thumbprint(parsePublicJwk(material).jwk));
  return { ...material, kid };
}
