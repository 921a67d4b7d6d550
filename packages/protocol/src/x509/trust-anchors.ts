import { AAuthError } from '../errors.js';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { CertificateRefused } from './der.js';
import { readPem } from './pem.js';

/** A certificate that may issue others. */
export type Authority = ParsedCertificate & {
  readonly authority: NonNullable<ParsedCertificate['authority']>;
};

/** Throws {@link CertificateRefused} unless the certificate may issue others (RFC 5280 section 6.1.4 k and n). */
export function asAuthority(certificate: ParsedCertificate): Authority {
  const { authority, usage } = certificate;
  if (authority === undefined) throw new CertificateRefused('not a CA');
  if (usage?.certificates !== true) throw new CertificateRefused('a CA without keyCertSign');
  return { ...certificate, authority };
}

/** True for two certificates of one CA: the same name and the same key. */
export function isSameAuthority(one: ParsedCertificate, other: ParsedCertificate): boolean {
  return one.subject === other.subject && one.publicKey === other.publicKey;
}

/**
 * The roots that an operator trusts, each entry the PEM of one certificate or of several. A root is trusted because
 * it was configured: its own signature is not looked at, everything else about it is.
 * Throws {@link AAuthError} `configuration_invalid` for what is malformed, weak, not a CA, or there twice.
 */
export function readTrustAnchors(entries: readonly string[]): readonly Authority[] {
  const anchors: Authority[] = [];
  for (const [index, entry] of entries.entries()) {
    const read = readPem(entry);
    if (typeof read === 'string') throw misconfigured(index, read);
    for (const der of read) {
      const anchor = readAnchor(der, index);
      if (anchors.some((other) => isSameAuthority(other, anchor))) {
        throw misconfigured(index, 'the same CA twice; keep the certificate that is valid longest');
      }
      anchors.push(anchor);
    }
  }
  return anchors;
}

function readAnchor(der: Parameters<typeof parseCertificate>[0], index: number): Authority {
  try {
    return asAuthority(parseCertificate(der));
  } catch (error) {
    if (error instanceof CertificateRefused) throw misconfigured(index, error.message);
    throw error;
  }
}

function misconfigured(index: number, reason: string): AAuthError {
  return new AAuthError(
    'configuration_invalid',
    `Entry ${index + 1} of x509Roots must be the PEM of CA certificates: ${reason}.`,
  );
}
