import { type Bytes, decodeBase64 } from '@countersign/httpsig';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/**
 * The certificates of a PEM text (RFC 7468, strict) as DER, in order; a sentence when it is not one. Nothing but
 * certificates and blank lines may stand there: no private key that was published by mistake, no explanatory text.
 * Linear in the length of `text`, and at most `most` certificates are decoded. Nothing is said about what is in them.
 */
export function readPem(text: string, most = Number.MAX_SAFE_INTEGER): readonly Bytes[] | string {
  const found = new Map<string, Bytes>();
  let body: string[] | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (body === undefined) {
      if (line === '') continue;
      if (line !== BEGIN) return 'something other than certificates in the PEM';
      if (found.size === most) return 'too many certificates';
      body = [];
    } else if (line !== END) {
      body.push(line);
    } else {
      const base64 = body.join('');
      const der = base64 === '' ? undefined : decodeBase64(base64);
      if (der === undefined) return 'malformed base64 in the PEM';
      // One spelling of base64 is accepted, so that equal texts are equal certificates.
      if (found.has(base64)) return 'the same certificate twice';
      found.set(base64, der);
      body = undefined;
    }
  }
  if (body !== undefined) return 'a certificate without end in the PEM';
  return found.size === 0 ? 'no certificate' : [...found.values()];
}
