import type { Bytes, ParsedJwk } from '@countersign/httpsig';
import type { ParsedCertificate } from './certificate.js';
import { CertificateRefused, parseDer } from './der.js';
import { IntegerPair, unsigned } from './public-key.js';

/** One way in which certificates are signed, for WebCrypto. */
interface SignatureKind {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly importParams: (crv: string) => RsaHashedImportParams | EcKeyImportParams | Algorithm;
  readonly verifyParams: RsaPssParams | EcdsaParams | Algorithm;
}

const tlv = (tag: string, content: string): string =>
  tag + (content.length / 2).toString(16).padStart(2, '0') + content;
const algorithm = (oid: string, parameters = ''): string => tlv('30', tlv('06', oid) + parameters);

const NULL = '0500';
const RSA = '2a864886f70d0101';
const ECDSA = '2a8648ce3d0403';
const ED25519 = '2b6570';
const HASHES = [
  { hash: 'SHA-256', bytes: 32, oid: '608648016503040201', rsa: '0b', ecdsa: '02' },
  { hash: 'SHA-384', bytes: 48, oid: '608648016503040202', rsa: '0c', ecdsa: '03' },
  { hash: 'SHA-512', bytes: 64, oid: '608648016503040203', rsa: '0d', ecdsa: '04' },
] as const;

/** RSASSA-PSS-params (RFC 4055 section 3.1): one hash throughout, and a salt as long as its digest. */
function pssParameters(hashOid: string, saltBytes: number, parameters: string): string {
  const hash = algorithm(hashOid, parameters);
  const mgf = algorithm(`${RSA}08`, hash);
  const salt = tlv('02', saltBytes.toString(16));
  return tlv('30', tlv('a0', hash) + tlv('a1', mgf) + tlv('a2', salt));
}

/**
 * By the whole AlgorithmIdentifier in DER: what is not listed, SHA-1 and MD5 above all, is no signature here. The hash
 * inside PSS parameters may have its NULL or not (RFC 4055 section 2.1).
 */
const KINDS: ReadonlyMap<string, SignatureKind> = new Map([
  [
    algorithm(ED25519),
    {
      kty: 'OKP',
      importParams: () => ({ name: 'Ed25519' }),
      verifyParams: { name: 'Ed25519' },
    } satisfies SignatureKind,
  ],
  ...HASHES.flatMap(({ hash, bytes, oid, rsa, ecdsa }): [string, SignatureKind][] => {
    const pss: SignatureKind = {
      kty: 'RSA',
      importParams: () => ({ name: 'RSA-PSS', hash }),
      verifyParams: { name: 'RSA-PSS', saltLength: bytes },
    };
    const pkcs1: SignatureKind = {
      kty: 'RSA',
      importParams: () => ({ name: 'RSASSA-PKCS1-v1_5', hash }),
      verifyParams: { name: 'RSASSA-PKCS1-v1_5' },
    };
    const curve: SignatureKind = {
      kty: 'EC',
      importParams: (namedCurve) => ({ name: 'ECDSA', namedCurve }),
      verifyParams: { name: 'ECDSA', hash },
    };
    return [
      [algorithm(`${RSA}${rsa}`, NULL), pkcs1],
      [algorithm(`${RSA}0a`, pssParameters(oid, bytes, NULL)), pss],
      [algorithm(`${RSA}0a`, pssParameters(oid, bytes, '')), pss],
      [algorithm(`${ECDSA}${ecdsa}`), curve],
    ];
  }),
]);

/**
 * True when the certificate was signed with this key. Throws {@link CertificateRefused} for a signature algorithm that
 * is not accepted or an ECDSA signature that cannot be read.
 */
export async function isSignedBy(
  certificate: ParsedCertificate,
  { jwk }: ParsedJwk,
): Promise<boolean> {
  const kind = KINDS.get(certificate.signatureAlgorithm);
  if (kind === undefined) throw new CertificateRefused('signature algorithm not accepted');
  if (kind.kty !== jwk.kty) return false;
  const crv = 'crv' in jwk ? jwk.crv : '';
  const signature =
    jwk.kty === 'EC'
      ? fixedLength(certificate.signature, crv === 'P-384' ? 48 : 32)
      : certificate.signature;
  try {
    const params = kind.importParams(crv);
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, params, false, ['verify']);
    return await crypto.subtle.verify(kind.verifyParams, key, signature, certificate.signed);
  } catch {
    return false;
  }
}

/** An ECDSA signature as WebCrypto takes it: r and s one after the other, each as long as the curve's numbers. */
function fixedLength(der: Bytes, size: number): Bytes {
  const { first, second } = parseDer(der, IntegerPair, 'ECDSA signature');
  const fixed = new Uint8Array(2 * size);
  for (const [index, value] of [unsigned(first), unsigned(second)].entries()) {
    if (value.length > size) throw new CertificateRefused('malformed ECDSA signature');
    fixed.set(value, (index + 1) * size - value.length);
  }
  return fixed;
}
