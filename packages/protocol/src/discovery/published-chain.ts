import { type Bytes, encodeBase64Url, sha256 } from '@countersign/httpsig';
import { readPem } from '../x509/pem.js';
import { HostRefused } from './document-fetch.js';

/** Leaf, three intermediates (PROTOCOL section 2.1) and the root. */
const MAX_CERTIFICATES = 5;

/** The certificates of one PEM from one fetch. Nothing in them has been looked at. */
export interface PublishedChain {
  /** DER, in the order of the document. */
  readonly certificates: readonly Bytes[];
  /** The SHA-256 of the first, base64url. */
  readonly thumbprint: string;
}

/** The `Accept` header for {@link isPemType}. */
export const PEM_TYPES = 'application/pem-certificate-chain, application/x-pem-file';

/**
 * True for the registered type (RFC 8555 section 9.1), the common unregistered one, and the one that web servers give
 * to `.pem` files unless told otherwise. Not for `text/plain` or `application/octet-stream`: a place where anybody may
 * leave text is not a place where an agent publishes its certificates.
 */
export function isPemType(contentType: string | undefined): boolean {
  return /^application\/(?:pem-certificate-chain|x-pem-file|x-x509-ca-cert)[ \t]*(?:;|$)/i.test(
    contentType?.trim() ?? '',
  );
}

/** Throws {@link HostRefused} unless `body` is PEM with one to five certificates, no two of them the same. */
export async function readPublishedChain(body: Uint8Array): Promise<PublishedChain> {
  const certificates = readPem(new TextDecoder().decode(body), MAX_CERTIFICATES);
  if (typeof certificates === 'string') throw new HostRefused(certificates);
  const [leaf = new Uint8Array()] = certificates;
  return { certificates, thumbprint: encodeBase64Url(await sha256(leaf)) };
}
