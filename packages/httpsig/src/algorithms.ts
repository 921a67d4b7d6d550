/** Signature algorithms of the AAuth profile, by their RFC 9421 names. */
export type AlgorithmName =
  'ed25519' | 'ecdsa-p256-sha256' | 'ecdsa-p384-sha384' | 'rsa-pss-sha512';

/** Everything that depends on an algorithm, resolved once from a key; nothing further down switches on its name. */
export interface SignatureAlgorithm {
  readonly name: AlgorithmName;
  readonly kty: 'OKP' | 'EC' | 'RSA';
  readonly crv?: string;
  /** The JWS name written into tokens that are issued. */
  readonly jws: string;
  /** JWS names accepted in tokens and in a JWK's `alg`. */
  readonly jwsNames: readonly string[];
  readonly importParams: RsaHashedImportParams | EcKeyImportParams | { readonly name: string };
  readonly generateParams: RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: string };
  readonly signParams: RsaPssParams | EcdsaParams | { readonly name: string };
  /** What `node:crypto` needs for the same: digest, and the encodings of ECDSA and RSA-PSS. */
  readonly node: {
    readonly digest: string | null;
    readonly dsaEncoding?: 'ieee-p1363';
    readonly pss?: true;
  };
}

const table: Record<AlgorithmName, SignatureAlgorithm> = {
  ed25519: {
    name: 'ed25519',
    kty: 'OKP',
    crv: 'Ed25519',
    jws: 'EdDSA',
    jwsNames: ['EdDSA', 'Ed25519'],
    importParams: { name: 'Ed25519' },
    generateParams: { name: 'Ed25519' },
    signParams: { name: 'Ed25519' },
    node: { digest: null },
  },
  'ecdsa-p256-sha256': {
    name: 'ecdsa-p256-sha256',
    kty: 'EC',
    crv: 'P-256',
    jws: 'ES256',
    jwsNames: ['ES256'],
    importParams: { name: 'ECDSA', namedCurve: 'P-256' },
    generateParams: { name: 'ECDSA', namedCurve: 'P-256' },
    signParams: { name: 'ECDSA', hash: 'SHA-256' },
    node: { digest: 'sha256', dsaEncoding: 'ieee-p1363' },
  },
  'ecdsa-p384-sha384': {
    name: 'ecdsa-p384-sha384',
    kty: 'EC',
    crv: 'P-384',
    jws: 'ES384',
    jwsNames: ['ES384'],
    importParams: { name: 'ECDSA', namedCurve: 'P-384' },
    generateParams: { name: 'ECDSA', namedCurve: 'P-384' },
    signParams: { name: 'ECDSA', hash: 'SHA-384' },
    node: { digest: 'sha384', dsaEncoding: 'ieee-p1363' },
  },
  'rsa-pss-sha512': {
    name: 'rsa-pss-sha512',
    kty: 'RSA',
    jws: 'PS512',
    jwsNames: ['PS512'],
    importParams: { name: 'RSA-PSS', hash: 'SHA-512' },
    generateParams: {
      name: 'RSA-PSS',
      hash: 'SHA-512',
      modulusLength: 3072,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    signParams: { name: 'RSA-PSS', saltLength: 64 },
    node: { digest: 'sha512', pss: true },
  },
};

const byName: Partial<Record<string, SignatureAlgorithm>> = Object.assign(
  Object.create(null) as object,
  table,
);
const byCurve: Partial<Record<string, SignatureAlgorithm>> = Object.assign(
  Object.create(null) as object,
  {
    'OKP Ed25519': table.ed25519,
    'EC P-256': table['ecdsa-p256-sha256'],
    'EC P-384': table['ecdsa-p384-sha384'],
    'RSA ': table['rsa-pss-sha512'],
  },
);

/** The algorithm names accepted here, strongest default first. */
export const ALGORITHM_NAMES = Object.keys(table) as readonly AlgorithmName[];

/** The algorithm of that RFC 9421 name, or `undefined`. */
export function algorithmByName(name: string): SignatureAlgorithm | undefined {
  return byName[name];
}

/** True when `name` is the RFC 9421 name, or a JWS name, of any of them. */
export function isAlgorithmName(name: string): boolean {
  return Object.values(table).some((one) => one.name === name || one.jwsNames.includes(name));
}

/** The one algorithm that keys of this type and curve are used with, or `undefined`. */
export function algorithmForKey(
  kty: string,
  crv: string | undefined,
): SignatureAlgorithm | undefined {
  return byCurve[`${kty} ${crv ?? ''}`];
}
