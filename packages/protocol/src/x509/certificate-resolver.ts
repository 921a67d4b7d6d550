import type { SignatureKey } from '@countersign/httpsig';
import type { Discovery } from '../discovery/discovery.js';
import type { Caller } from '../exploratory/caller.js';
import type { IdentifierOptions } from '../identifiers.js';

/** Says whom a certificate chain that a request named stands for. `discovery`: the receiver's own, as it is asked for this request. */
export type CertificateResolver = (
  signatureKey: Extract<SignatureKey, { scheme: 'x509' }>,
  now: number,
  discovery?: Discovery,
) => Promise<Caller>;

/** What the resolver of one receiver works with. */
export interface CertificateResolverOptions extends IdentifierOptions {
  readonly discovery: Discovery;
}

/** CAs whose leaves may identify agents. Only {@link loadTrustRoots} makes these. */
export interface TrustRoots {
  /** How many there are; without any, `x509` is an unsupported scheme. */
  readonly count: number;
  createResolver(options: CertificateResolverOptions): CertificateResolver;
}

/**
 * Loads the CAs whose leaves may identify agents (PROTOCOL section 2.1): each entry the PEM of one certificate or of
 * several. There is no revocation: trust a CA that issues short-lived certificates.
 *
 * Rejects with `AAuthError` `configuration_invalid` for what is malformed, weak, not a CA, or there twice.
 */
export async function loadTrustRoots(certificates: readonly string[]): Promise<TrustRoots> {
  // Reading certificates takes a parser that nobody without roots should have to load.
  const { trustRoots } = await import('./trust-roots.js');
  return trustRoots(certificates);
}
