/** What is asked for, and what is taken for it. */
export interface DocumentType {
  /** The `Accept` header. */
  readonly accept: string;
  readonly admits: (contentType: string | undefined) => boolean;
}

const isJson = typeTest('(?:[\\w.-]+\\+)?json');

export const METADATA: DocumentType = { accept: 'application/json', admits: isJson };

export const JWKS: DocumentType = {
  accept: 'application/jwk-set+json, application/json',
  admits: isJson,
};

/**
 * The registered type (RFC 8555 section 9.1), the common unregistered one, and the one that web servers give to `.pem`
 * files unless told otherwise. Not `text/plain` or `application/octet-stream`: a place where anybody may leave a text
 * is not a place where an agent publishes its certificates.
 */
export const PEM: DocumentType = {
  accept: 'application/pem-certificate-chain, application/x-pem-file',
  admits: typeTest('(?:pem-certificate-chain|x-pem-file|x-x509-ca-cert)'),
};

/** Tells whether a `Content-Type` is `application/…`, with or without parameters. */
function typeTest(subtype: string): DocumentType['admits'] {
  const pattern = new RegExp(`^application/${subtype}[ \\t]*(?:;|$)`, 'i');
  return (contentType) => pattern.test(contentType?.trim() ?? '');
}
