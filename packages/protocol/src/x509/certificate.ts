import {
  BasicConstraints,
  Certificate,
  type Extensions,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  KeyUsage,
  SubjectAlternativeName,
  type Time,
  Version,
} from '@peculiar/asn1-x509';
import type { Bytes, ParsedJwk } from '@countersign/httpsig';
import { CertificateRefused, derOf, hex, parseDer } from './der.js';
import { readPublicKey } from './public-key.js';

/** What a certificate says, as far as a chain is judged by it. Nothing has been verified. */
export interface ParsedCertificate {
  /** Names as the hex of their DER: equal when the bytes are, which is narrower than RFC 5280 section 7.1. */
  readonly subject: string;
  readonly issuer: string;
  /** The SubjectPublicKeyInfo, as the hex of its DER. */
  readonly publicKey: string;
  readonly key: ParsedJwk;
  /** What the issuer signed. */
  readonly signed: Bytes;
  /** The AlgorithmIdentifier, as the hex of its DER. */
  readonly signatureAlgorithm: string;
  readonly signature: Bytes;
  /** Unix seconds; both ends are within the validity. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Present for a CA: how many CAs may stand between it and the leaf. */
  readonly authority: { readonly pathLength: number } | undefined;
  /** `undefined` when the certificate does not restrict its key. */
  readonly usage: { readonly signatures: boolean; readonly certificates: boolean } | undefined;
  /** The URIs among the alternative names; of a CA they are not read. */
  readonly uris: readonly string[];
}

/** Understood here, and so allowed to be critical (RFC 5280 section 4.2). */
const UNDERSTOOD = [id_ce_basicConstraints, id_ce_keyUsage, id_ce_subjectAltName];

/**
 * Parses a certificate (RFC 5280 section 4.1) in strict DER. Throws {@link CertificateRefused}, also for an extension
 * that is critical and not understood or given twice, and for name constraints, critical or not.
 */
export function parseCertificate(der: Bytes): ParsedCertificate {
  const certificate = parseDer(der, Certificate, 'certificate');
  const { tbsCertificate: tbs, tbsCertificateRaw: signed, signatureAlgorithm } = certificate;
  if (signed === undefined) throw new CertificateRefused('malformed certificate');
  if (tbs.version !== Version.v3) throw new CertificateRefused('not an X.509 v3 certificate');
  const algorithm = hex(derOf(signatureAlgorithm));
  if (hex(derOf(tbs.signature)) !== algorithm) {
    throw new CertificateRefused('two different signature algorithms');
  }
  const extensions = readExtensions(tbs.extensions ?? []);
  const authority = readAuthority(extensions.get(id_ce_basicConstraints));
  return {
    subject: hex(derOf(tbs.subject)),
    issuer: hex(derOf(tbs.issuer)),
    publicKey: hex(derOf(tbs.subjectPublicKeyInfo)),
    key: readPublicKey(tbs.subjectPublicKeyInfo),
    signed: new Uint8Array(signed),
    signatureAlgorithm: algorithm,
    signature: new Uint8Array(certificate.signatureValue),
    notBefore: readTime(tbs.validity.notBefore),
    notAfter: readTime(tbs.validity.notAfter),
    authority,
    usage: readUsage(extensions.get(id_ce_keyUsage)),
    uris: authority === undefined ? readUris(extensions.get(id_ce_subjectAltName)) : [],
  };
}

function readExtensions(extensions: Extensions | readonly []): ReadonlyMap<string, ArrayBuffer> {
  const found = new Map<string, ArrayBuffer>();
  for (const { extnID, critical, extnValue } of extensions) {
    if (found.has(extnID)) throw new CertificateRefused('an extension twice');
    if (extnID === id_ce_nameConstraints) throw new CertificateRefused('name constraints');
    if (critical && !UNDERSTOOD.includes(extnID)) {
      throw new CertificateRefused('a critical extension that is not understood');
    }
    found.set(extnID, extnValue.buffer);
  }
  return found;
}

function readAuthority(der: ArrayBuffer | undefined): ParsedCertificate['authority'] {
  if (der === undefined) return undefined;
  const { cA, pathLenConstraint } = parseDer(der, BasicConstraints, 'basic constraints');
  if (!cA) return undefined;
  if (pathLenConstraint === undefined) return { pathLength: Infinity };
  // The library gives large numbers as text.
  if (!Number.isSafeInteger(pathLenConstraint) || pathLenConstraint < 0) {
    throw new CertificateRefused('malformed path length');
  }
  return { pathLength: pathLenConstraint };
}

/** RFC 5280 section 4.2.1.3: bit 0 is digitalSignature, bit 5 keyCertSign, counted from the left. */
function readUsage(der: ArrayBuffer | undefined): ParsedCertificate['usage'] {
  if (der === undefined) return undefined;
  const [first = 0] = new Uint8Array(parseDer(der, KeyUsage, 'key usage').value);
  return { signatures: (first & 0x80) !== 0, certificates: (first & 0x04) !== 0 };
}

function readUris(der: ArrayBuffer | undefined): readonly string[] {
  if (der === undefined) return [];
  return parseDer(der, SubjectAlternativeName, 'alternative names').flatMap(
    ({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri]),
  );
}

function readTime(time: Time): number {
  const seconds = Math.floor(time.getTime().getTime() / 1000);
  if (!Number.isSafeInteger(seconds)) throw new CertificateRefused('malformed time');
  return seconds;
}
