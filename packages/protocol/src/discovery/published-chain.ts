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

/** Throws {@link HostRefused} unless `body` is PEM with one to five certificates, no two of them the same. */
export async function readPublishedChain(body: Uint8Array): Promise<PublishedChain> {
  const certificates = readPem(new TextDecoder().decode(body), MAX_CERTIFICATES);
  if (typeof certificates === 'string') throw new HostRefused(certificates);
  const [leaf = new Uint8Array()] = certificates;
  return { certificates, thumbprint: encodeBase64Url(await sha256(leaf)) };
}
