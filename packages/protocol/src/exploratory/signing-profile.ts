import type { SignatureProfile, Wire } from '@countersign/httpsig';
import { INTERACTION_CODE, INTERACTION_SESSION } from './names.js';

/** The AAuth profile of RFC 9421 (PROTOCOL section 2). */
export const signingProfile: SignatureProfile = {
  components: [
    { name: '@method', when: 'always' },
    { name: '@authority', when: 'always' },
    { name: '@path', when: 'always' },
    { name: '@query', when: 'query' },
    { name: 'content-type', when: 'body' },
    { name: 'content-digest', when: 'body' },
    { name: 'nonce', when: 'present' },
    { name: 'signature-key', when: 'always' },
    { name: INTERACTION_CODE, when: 'present' },
    { name: INTERACTION_SESSION, when: 'present' },
  ],
  label: 'sig1',
  windowSeconds: 60,
  skewSeconds: 10,
  maxSignatureKeyLength: 9 * 1024,
};

/** The profile with the receiver's one allowance for clocks, which `expires` has too (PROTOCOL section 3); at most 60. */
export function profileWith(skewSeconds: number | undefined): SignatureProfile {
  if (skewSeconds === undefined) return signingProfile;
  return { ...signingProfile, skewSeconds: Math.min(Math.max(skewSeconds, 0), 60) };
}

/**
 * The wires verified unless a receiver says otherwise. `2026-01` is not among them: it leaves `created` unsigned, so
 * that a captured request could be replayed for ever (PROTOCOL section 2.2).
 */
export const DEFAULT_WIRES: readonly Wire[] = ['rfc9421', '2026-02'];

/** Methods that change nothing at the receiver: a request with another one carries a nonce (PROTOCOL section 2). */
export function isSafeMethod(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method.toUpperCase());
}
