import {
  type Bytes,
  importVerificationKey,
  SignatureError,
  type VerificationKey,
} from '@countersign/httpsig';
import {
  type IdentifierOptions,
  isServerIdentifier,
  type ServerIdentifier,
} from '../identifiers.js';
import { isSignedBy } from './certificate-signature.js';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { CertificateRefused } from './der.js';
import { asAuthority, type Authority, isSameAuthority } from './trust-anchors.js';

/** PROTOCOL section 2.1: leaf and up to three intermediates. */
const MAX_INTERMEDIATES = 3;

/** A chain that leads to a configured root. Whether it is valid now is for the caller to ask. */
export interface VerifiedChain {
  /** Whom the leaf names. */
  readonly agent: ServerIdentifier;
  readonly key: VerificationKey;
  /** When every certificate is valid, the root's included. Unix seconds, both ends within. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Verifies a chain, leaf first, up to one of `anchors` (RFC 5280 section 6.1, narrowed as PROTOCOL section 2.1 says).
 * Works from the root down, so that nothing follows from a certificate before the one above it has been believed: the
 * chain of somebody unknown costs a look at its top. The root may stand at the end of the chain or be left out.
 *
 * Throws {@link CertificateRefused}. Does not check the time, the leaf's thumbprint, or revocation.
 */
export async function verifyChain(
  chain: readonly Bytes[],
  anchors: readonly Authority[],
  options: IdentifierOptions,
): Promise<VerifiedChain> {
  const last = chain.at(-1);
  const top = last === undefined ? undefined : parseCertificate(last);
  const root = top && anchors.find((anchor) => isSameAuthority(anchor, top));
  const [leaf, ...intermediates] = root === undefined ? chain : chain.slice(0, -1);
  if (leaf === undefined) throw new CertificateRefused('no certificate below the root');
  if (intermediates.length > MAX_INTERMEDIATES) {
    throw new CertificateRefused('too many intermediates');
  }
  let issuers = root === undefined ? anchors : [root];
  for (const der of intermediates.toReversed()) {
    issuers = [await appoint(parseCertificate(der), issuers)];
  }
  const certificate = parseCertificate(leaf);
  const issuer = await issuerOf(certificate, issuers);
  return { ...(await readLeaf(certificate, options)), ...commonValidity(certificate, issuer) };
}

/** The one among `issuers` that issued the certificate: its name, and its signature. */
async function issuerOf(
  certificate: ParsedCertificate,
  issuers: readonly Authority[],
): Promise<Authority> {
  const named = issuers.filter(({ subject }) => subject === certificate.issuer);
  if (named.length === 0) throw new CertificateRefused('issuer not the next certificate or a root');
  for (const issuer of named) {
    if (await isSignedBy(certificate, issuer.key)) return issuer;
  }
  throw new CertificateRefused('signature not made with the key of the issuer');
}

/** An intermediate as an issuer, with no more validity and no longer paths below it than its own issuer has. */
async function appoint(
  certificate: ParsedCertificate,
  issuers: readonly Authority[],
): Promise<Authority> {
  const issuer = await issuerOf(certificate, issuers);
  const appointed = asAuthority(certificate);
  // Every CA counts, one that issued to itself too, which RFC 5280 section 6.1.4 would leave out.
  const left = issuer.authority.pathLength - 1;
  if (left < 0) throw new CertificateRefused('more CAs than the path length allows');
  return {
    ...appointed,
    ...commonValidity(appointed, issuer),
    authority: { pathLength: Math.min(left, appointed.authority.pathLength) },
  };
}

type Validity = Pick<ParsedCertificate, 'notBefore' | 'notAfter'>;

function commonValidity(one: Validity, other: Validity): Validity {
  return {
    notBefore: Math.max(one.notBefore, other.notBefore),
    notAfter: Math.min(one.notAfter, other.notAfter),
  };
}

/** Whom the leaf names, and its key as one that signs requests. */
async function readLeaf(
  { authority, usage, uris, key }: ParsedCertificate,
  options: IdentifierOptions,
): Promise<Pick<VerifiedChain, 'agent' | 'key'>> {
  if (authority !== undefined) throw new CertificateRefused('the leaf is a CA');
  if (usage?.signatures === false) throw new CertificateRefused('a leaf without digitalSignature');
  const [agent, ...more] = uris;
  if (agent === undefined || more.length > 0) {
    throw new CertificateRefused('a leaf that does not name exactly one URI');
  }
  if (!isServerIdentifier(agent, options)) {
    throw new CertificateRefused('the URI of the leaf is not a server identifier');
  }
  try {
    return { agent, key: await importVerificationKey(key.jwk) };
  } catch (error) {
    if (error instanceof SignatureError) throw new CertificateRefused(error.message);
    throw error;
  }
}
