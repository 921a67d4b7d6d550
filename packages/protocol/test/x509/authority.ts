/**
 * A certificate authority for tests, which issues whatever it is asked to: every rule that a certificate can break is
 * one argument away. Keys and signatures are made by Node, so that the product's own code has no part in them.
 */
import {
  generateKeyPairSync,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
  constants,
  createHash,
} from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  GeneralName,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { importSigningKey } from '@countersign/httpsig';
import { NOW, type Signer } from '../kit.js';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const keyPair = {
  ed25519: (): KeyPair => generateKeyPairSync('ed25519'),
  p256: (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  rsa: (modulusLength = 2048): KeyPair => generateKeyPairSync('rsa', { modulusLength }),
};

const pss = (hash: string, salt: string): string =>
  `3034a00f300d06096086480165030402${hash}0500a11c301a06092a864886f70d010108300d06096086480165030402${hash}0500a2030201${salt}`;
const pssWithoutNulls = (hash: string, salt: string): string =>
  `3030a00d300b06096086480165030402${hash}a11a301806092a864886f70d010108300b06096086480165030402${hash}a2030201${salt}`;

interface SignatureSpelling {
  readonly oid: string;
  /** Hex; `null` is an explicit NULL. */
  readonly parameters?: string | null;
  readonly hash: string | null;
  readonly salt?: number;
}

/** Spelled out as in RFC 4055, 5758, 8410 and the CA/Browser Forum's requirements, not computed. */
export const SIGNATURES = {
  ed25519: { oid: '1.3.101.112', hash: null },
  'ecdsa-sha1': { oid: '1.2.840.10045.4.1', hash: 'sha1' },
  'ecdsa-sha256': { oid: '1.2.840.10045.4.3.2', hash: 'sha256' },
  'ecdsa-sha384': { oid: '1.2.840.10045.4.3.3', hash: 'sha384' },
  'ecdsa-sha512': { oid: '1.2.840.10045.4.3.4', hash: 'sha512' },
  'pkcs1-md5': { oid: '1.2.840.113549.1.1.4', parameters: null, hash: 'md5' },
  'pkcs1-sha1': { oid: '1.2.840.113549.1.1.5', parameters: null, hash: 'sha1' },
  'pkcs1-sha256': { oid: '1.2.840.113549.1.1.11', parameters: null, hash: 'sha256' },
  'pkcs1-sha384': { oid: '1.2.840.113549.1.1.12', parameters: null, hash: 'sha384' },
  'pkcs1-sha512': { oid: '1.2.840.113549.1.1.13', parameters: null, hash: 'sha512' },
  'pss-sha1': { oid: '1.2.840.113549.1.1.10', parameters: '3000', hash: 'sha1', salt: 20 },
  'pss-sha256': {
    oid: '1.2.840.113549.1.1.10',
    parameters: pss('01', '20'),
    hash: 'sha256',
    salt: 32,
  },
  'pss-sha256 without NULL': {
    oid: '1.2.840.113549.1.1.10',
    parameters: pssWithoutNulls('01', '20'),
    hash: 'sha256',
    salt: 32,
  },
  'pss-sha384': {
    oid: '1.2.840.113549.1.1.10',
    parameters: pss('02', '30'),
    hash: 'sha384',
    salt: 48,
  },
  'pss-sha512': {
    oid: '1.2.840.113549.1.1.10',
    parameters: pss('03', '40'),
    hash: 'sha512',
    salt: 64,
  },
  'pss-sha256 with a salt of 20 bytes': {
    oid: '1.2.840.113549.1.1.10',
    parameters: pss('01', '14'),
    hash: 'sha256',
    salt: 20,
  },
} satisfies Record<string, SignatureSpelling>;

export type SignatureName = keyof typeof SIGNATURES;

function usualSignature(key: KeyObject): SignatureName {
  if (key.asymmetricKeyType === 'rsa') return 'pkcs1-sha256';
  return key.asymmetricKeyType === 'ec' ? 'ecdsa-sha256' : 'ed25519';
}

function identifierOf(spelling: SignatureSpelling): AlgorithmIdentifier {
  const { oid: algorithm, parameters } = spelling;
  if (parameters === undefined) return new AlgorithmIdentifier({ algorithm });
  const value = parameters === null ? null : exact(Buffer.from(parameters, 'hex'));
  return new AlgorithmIdentifier({ algorithm, parameters: value });
}

export function exact(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

export function extension(extnID: string, value: unknown, critical = false): Extension {
  const der = value instanceof Uint8Array ? exact(value) : AsnConvert.serialize(value);
  return new Extension({ extnID, critical, extnValue: new OctetString(der) });
}

export const basicConstraints = (cA: boolean, pathLenConstraint?: number): Extension =>
  extension(
    '2.5.29.19',
    new BasicConstraints({ cA, ...(pathLenConstraint === undefined ? {} : { pathLenConstraint }) }),
    true,
  );
export const keyUsage = (...flags: (keyof typeof KeyUsageFlags)[]): Extension =>
  extension(
    '2.5.29.15',
    new KeyUsage(flags.reduce((sum, flag) => sum | KeyUsageFlags[flag], 0)),
    true,
  );
export const alternativeNames = (...names: Partial<GeneralName>[]): Extension =>
  extension('2.5.29.17', new SubjectAlternativeName(names.map((one) => new GeneralName(one))));
export const uri = (uniformResourceIdentifier: string): Partial<GeneralName> => ({
  uniformResourceIdentifier,
});

export const AGENT = 'https://agent.example';
export const CA_EXTENSIONS = [basicConstraints(true), keyUsage('keyCertSign', 'cRLSign')];
export const LEAF_EXTENSIONS = [
  basicConstraints(false),
  keyUsage('digitalSignature'),
  alternativeNames(uri(AGENT)),
];

/** What a certificate is to say; everything has an honest default. */
export interface Wanted {
  readonly subject?: string;
  readonly issuer?: string;
  readonly keys?: KeyPair;
  readonly version?: Version;
  /** Unix seconds; default a day around {@link NOW}. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions?: readonly Extension[];
  readonly signature?: SignatureName;
  /** The algorithm named inside the signed part, when it is to differ. */
  readonly namedInside?: SignatureName;
  /** Signed with this key instead of the issuer's. */
  readonly signedWith?: KeyPair;
  readonly publicKeyInfo?: SubjectPublicKeyInfo;
}

export interface Issued {
  readonly subject: string;
  readonly keys: KeyPair;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly pem: string;
}

const nameOf = (text: string): Name =>
  new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: '2.5.4.3',
        value: new AttributeValue({ utf8String: text }),
      }),
    ]),
  ]);

export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

let serial = 0;

/** A certificate signed by `issuer`, or by itself when that is `undefined`. */
export function issue(issuer: Issued | undefined, wanted: Wanted): Issued {
  const { subject = 'somebody', keys = keyPair.ed25519() } = wanted;
  const signer = wanted.signedWith ?? issuer?.keys ?? keys;
  const signature = wanted.signature ?? usualSignature(signer.privateKey);
  const spelling: SignatureSpelling = SIGNATURES[signature];
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const tbs = new TBSCertificate({
    version: wanted.version ?? Version.v3,
    serialNumber: exact(Uint8Array.of(1, ++serial >> 8, serial & 255)),
    signature: identifierOf(SIGNATURES[wanted.namedInside ?? signature]),
    issuer: nameOf(wanted.issuer ?? issuer?.subject ?? subject),
    subject: nameOf(subject),
    validity: new Validity({
      notBefore: new Date((wanted.notBefore ?? NOW - 86_400) * 1000),
      notAfter: new Date((wanted.notAfter ?? NOW + 86_400) * 1000),
    }),
    subjectPublicKeyInfo:
      wanted.publicKeyInfo ?? AsnConvert.parse(exact(spki), SubjectPublicKeyInfo),
    ...(wanted.extensions?.length === 0
      ? {}
      : { extensions: new Extensions([...(wanted.extensions ?? LEAF_EXTENSIONS)]) }),
  });
  const input: SignKeyObjectInput = { key: signer.privateKey };
  if (spelling.salt !== undefined) {
    input.padding = constants.RSA_PKCS1_PSS_PADDING;
    input.saltLength = spelling.salt;
  }
  const value = sign(spelling.hash, new Uint8Array(AsnConvert.serialize(tbs)), input);
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: identifierOf(spelling),
    signatureValue: exact(value),
  });
  const der = new Uint8Array(AsnConvert.serialize(certificate));
  return { subject, keys, der, pem: pemOf(der) };
}

export const issueRoot = (wanted: Wanted = {}): Issued =>
  issue(undefined, { subject: 'Root', extensions: CA_EXTENSIONS, ...wanted });

export const issueCa = (issuer: Issued, wanted: Wanted = {}): Issued =>
  issue(issuer, { subject: `CA ${serial + 1}`, extensions: CA_EXTENSIONS, ...wanted });

/** Leaf first. */
export const chainPem = (...chain: Pick<Issued, 'pem'>[]): string =>
  chain.map(({ pem }) => pem).join('');

export const thumbprintOf = (der: Uint8Array): string =>
  createHash('sha256').update(der).digest('base64url');

/** One who signs with the leaf's key and points at a chain. */
export async function holderOf(leaf: Issued, x5u: string): Promise<Signer> {
  return {
    key: await importSigningKey(leaf.keys.privateKey.export({ format: 'jwk' })),
    signatureKey: { scheme: 'x509', x5u, x5t: thumbprintOf(leaf.der) },
  };
}
