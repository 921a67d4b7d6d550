import { encodeBase64Url, sha256 } from '@countersign/httpsig';
import { AAuthError } from '../errors.js';
import { readPem } from './pem.js';

/**
 * The `x5t` of a chain in PEM: the SHA-256 of its first certificate's DER, base64url without padding. For signers; the
 * certificate is not judged. Throws {@link AAuthError} `configuration_invalid` when the text is not PEM certificates.
 */
export async function certificateThumbprint(pem: string): Promise<string> {
  const read = readPem(pem);
  const leaf = typeof read === 'string' ? undefined : read[0];
  if (leaf === undefined) {
    throw new AAuthError('configuration_invalid', 'The certificate must be PEM, the leaf first.');
  }
  return encodeBase64Url(await sha256(leaf));
}
