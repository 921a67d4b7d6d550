import { encodeBase64 } from './bytes.js';
import { SignatureError } from './failure.js';
import { parseDictionary } from './structured-field.js';
import { sha256, sha512 } from '#platform';

const hashes: Partial<Record<string, (data: Uint8Array) => Promise<Uint8Array>>> = Object.assign(
  Object.create(null) as object,
  { 'sha-256': sha256, 'sha-512': sha512 },
);

/** The `Content-Digest` of a body: `sha-256` (RFC 9530). */
export async function contentDigest(body: Uint8Array): Promise<string> {
  return `sha-256=:${encodeBase64(await sha256(body))}:`;
}

/**
 * Checks a `Content-Digest` against the received bytes. Every member whose algorithm is known (`sha-256`, `sha-512`)
 * must match and at least one must be known.
 * Throws {@link SignatureError}: `header_malformed`, `header_repeated`, `digest_unsupported`, `digest_mismatch`.
 */
export async function checkContentDigest(header: string, body: Uint8Array): Promise<void> {
  let known = 0;
  for (const [name, { value }] of parseDictionary(header, 'Content-Digest')) {
    const hash = hashes[name];
    if (hash === undefined) continue;
    if (!('value' in value) || value.value.type !== 'bytes') {
      throw new SignatureError('header_malformed', 'Content-Digest: a digest is a byte sequence.');
    }
    known += 1;
    const expected = await hash(body);
    const given = value.value.value;
    if (given.length !== expected.length || !expected.every((byte, at) => byte === given[at])) {
      throw new SignatureError(
        'digest_mismatch',
        'The Content-Digest does not match the body that was received.',
      );
    }
  }
  if (known === 0) {
    throw new SignatureError(
      'digest_unsupported',
      'The Content-Digest names no supported algorithm.',
      {
        accepted: ['sha-256', 'sha-512'],
      },
    );
  }
}
