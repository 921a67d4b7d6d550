import type { CertificateResolver } from './certificate-resolver.js';
import { createCertificateResolver } from './resolve-certificate.js';
import { readTrustAnchors } from './trust-anchors.js';
import type { TrustRoots } from './certificate-resolver.js';

/** As `loadTrustRoots`, for who has loaded this module already. */
export function trustRoots(certificates: readonly string[]): TrustRoots {
  const anchors = readTrustAnchors(certificates);
  return {
    count: anchors.length,
    createResolver: (options): CertificateResolver => createCertificateResolver(anchors, options),
  };
}
