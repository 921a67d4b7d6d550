import { type Bytes, decodeBase64Url } from '@countersign/httpsig';
import { AAuthError } from '../errors.js';
import { fromStranger, strangerRefused } from '../exploratory/strangers-key.js';
import { type VerifiedChain, verifyChain } from './chain.js';
import { CertificateRefused } from './der.js';
import type { CertificateResolver, CertificateResolverOptions } from './certificate-resolver.js';
import type { Authority } from './trust-anchors.js';

/**
 * Makes the resolver for `scheme=x509`.
 *
 * A chain is verified once for as long as discovery holds it: verdicts, good and bad, hang on the very array that
 * discovery gives out, and go when it goes. Only the time is asked at every request.
 */
export function createCertificateResolver(
  anchors: readonly Authority[],
  options: CertificateResolverOptions,
): CertificateResolver {
  const verdicts = new WeakMap<readonly Bytes[], Promise<VerifiedChain>>();

  const verified = (chain: readonly Bytes[]): Promise<VerifiedChain> => {
    const known = verdicts.get(chain);
    if (known !== undefined) return known;
    const verdict = verifyChain(chain, anchors, options);
    verdicts.set(chain, verdict);
    return verdict;
  };

  return async ({ x5u, x5t }, now, discovery = options.discovery) => {
    if (decodeBase64Url(x5t)?.length !== 32) {
      throw new AAuthError(
        'invalid_signature',
        'Signature-Key: x5t must be the SHA-256 of the certificate as 43 characters of base64url.',
        { rule: 'x5t_invalid' },
      );
    }
    const chain = await fromStranger(discovery.certificatesAt(x5u, x5t));
    if (chain === undefined) throw strangerRefused('x5t_unknown');
    try {
      const { agent, key, notBefore, notAfter } = await verified(chain);
      // Written so that a clock that is not a number refuses.
      if (!(notBefore <= now && now <= notAfter)) {
        throw new CertificateRefused('not valid at this time');
      }
      return { kind: 'agent', scheme: 'x509', key, agent, delegate: undefined };
    } catch (error) {
      if (error instanceof CertificateRefused) {
        throw strangerRefused('certificate_invalid', error.message);
      }
      throw error;
    }
  };
}
