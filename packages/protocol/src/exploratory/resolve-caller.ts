import {
  importVerificationKey,
  type PublicJwk,
  type SchemeName,
  type SignatureKey,
  type SignatureVerifier,
} from '@countersign/httpsig';
import type { Discovery } from '../discovery/discovery.js';
import { AAuthError } from '../errors.js';
import {
  type IdentifierOptions,
  isServerIdentifier,
  type ServerIdentifier,
} from '../identifiers.js';
import { SegmentedCache } from '../discovery/segmented-cache.js';
import type { TrustRoots } from '../x509/certificate-resolver.js';
import type { TrustedIssuers } from './auth-token.js';
import type { Caller } from './caller.js';
import { agentMetadata, authServerMetadata, resourceMetadata } from './metadata.js';
import type { TokenOpener } from './token-decryption.js';
import { createTokenMemory } from './token-memory.js';
import { createTokenResolver } from './resolve-token.js';
import { strangersKey } from './strangers-key.js';

/** What is needed to find out who signed. */
export interface CallerResolverOptions extends IdentifierOptions {
  /** The receiver's own identifier: the audience of tokens, and by default its only authority. */
  readonly id: ServerIdentifier;
  readonly discovery: Discovery;
  /** Auth tokens are accepted from these auth servers; without this property they are refused. */
  readonly trustedIssuers?: TrustedIssuers;
  /** Seconds of allowance for token times; default 10, at most 60. */
  readonly skewSeconds?: number;
  /** The longest time to `exp` accepted of an auth token; default 24 hours. */
  readonly maxAuthTokenSeconds?: number;
  /** Opens auth tokens that are encrypted to this receiver; without it they are refused. */
  readonly tokenOpener?: TokenOpener;
  /** CAs whose leaves may identify agents; without any, `x509` is an unsupported scheme. */
  readonly x509Roots?: TrustRoots;
  /** Accept only these schemes. Default all of them, `x509` where a root is trusted. */
  readonly schemes?: readonly SchemeName[];
  /** Replaces the platform's verification of requests and tokens, for instance by `sodiumVerifier()`. */
  readonly verifySignature?: SignatureVerifier;
  /** Verified tokens of each kind, and imported bare keys, that are kept for next time; default 10,000 of each. */
  readonly maxRememberedTokens?: number;
}

/**
 * Says who signed, as far as the Signature-Key and what it leads to prove it. `discovery`: the receiver's own, as it is
 * asked for this request.
 */
export type CallerResolver = (
  signatureKey: SignatureKey,
  now: number,
  discovery?: Discovery,
) => Caller | Promise<Caller>;

/** The schemes that a receiver accepts: `x509` only where it trusts a root (PROTOCOL section 2.1). */
export function acceptedSchemes({
  x509Roots,
  schemes,
}: Pick<CallerResolverOptions, 'x509Roots' | 'schemes'>): readonly SchemeName[] {
  const possible: readonly SchemeName[] =
    (x509Roots?.count ?? 0) === 0 ? ['hwk', 'jwks', 'jwt'] : ['hwk', 'jwks', 'jwt', 'x509'];
  return schemes === undefined ? possible : possible.filter((one) => schemes.includes(one));
}

/** Documents that `well-known` may name, and whether one proves the identity of an agent (PROTOCOL section 2.1). */
const wellKnownKinds = new Map([
  [agentMetadata.wellKnown, { kind: agentMetadata, identifiesAgent: true }],
  [resourceMetadata.wellKnown, { kind: resourceMetadata, identifiesAgent: false }],
  [authServerMetadata.wellKnown, { kind: authServerMetadata, identifiesAgent: false }],
]);

/** Makes the resolver of one receiver, with a memory of the tokens that it has verified. */
export function createCallerResolver(options: CallerResolverOptions): CallerResolver {
  const { maxRememberedTokens = 10_000 } = options;
  const resolveBareKey = createBareKeyResolver(maxRememberedTokens);
  const resolveToken = createTokenResolver(options, {
    auth: createTokenMemory(maxRememberedTokens),
    agent: createTokenMemory(maxRememberedTokens),
  });
  const { x509Roots } = options;
  const resolveCertificate =
    (x509Roots?.count ?? 0) === 0 ? undefined : x509Roots?.createResolver(options);
  return (signatureKey, now, discovery = options.discovery) => {
    switch (signatureKey.scheme) {
      case 'hwk':
        return resolveBareKey(signatureKey.jwk);
      case 'jwks':
        return resolvePublishedKey(signatureKey, discovery, options);
      case 'jwt':
        return resolveToken(signatureKey.jwt, now, discovery);
      case 'x509':
        if (resolveCertificate !== undefined)
          return resolveCertificate(signatureKey, now, discovery);
        throw new AAuthError(
          'invalid_signature',
          'The Signature-Key scheme is not accepted here.',
          {
            rule: 'scheme_unsupported',
            accepted: acceptedSchemes(options),
          },
        );
    }
  };
}

/**
 * Makes the resolver for bare keys, with a memory: importing a key and its thumbprint cost 25 µs here, a fifth of what
 * the signature does. The memory is bounded, and a flood of new keys does not displace those in use.
 */
function createBareKeyResolver(maxKeys: number): (jwk: PublicJwk) => Caller | Promise<Caller> {
  const callers = new SegmentedCache<Caller>({
    maxEntries: maxKeys,
    maxCacheBytes: Number.MAX_SAFE_INTEGER,
  });
  return (jwk) => {
    // Canonical members only (`parsePublicJwk`), so that equal keys have equal names.
    const name = jwk.kty === 'OKP' ? jwk.x : JSON.stringify(jwk);
    const known = callers.get(name);
    if (known !== undefined) return known;
    return importVerificationKey(jwk).then((key) => {
      const caller: Caller = { kind: 'key', scheme: 'hwk', key };
      callers.set(name, caller, 0);
      return caller;
    });
  };
}

async function resolvePublishedKey(
  signatureKey: Extract<SignatureKey, { scheme: 'jwks' }>,
  discovery: Discovery,
  options: IdentifierOptions,
): Promise<Caller> {
  const { kid } = signatureKey;
  if (signatureKey.mode === 'url') {
    const key = await strangersKey(discovery.keyAt(signatureKey.jwks, kid));
    return { kind: 'key', scheme: 'jwks', key };
  }
  const { id, wellKnown } = signatureKey;
  if (!isServerIdentifier(id, options)) {
    throw new AAuthError('invalid_signature', 'Signature-Key: id is not a server identifier.', {
      rule: 'id_invalid',
    });
  }
  if (wellKnown === undefined) {
    const key = await strangersKey(discovery.keyAt(id, kid));
    return { kind: 'key', scheme: 'jwks', key };
  }
  const named = wellKnownKinds.get(wellKnown);
  if (named === undefined) {
    throw new AAuthError(
      'invalid_signature',
      'Signature-Key: well-known is not a known document.',
      {
        rule: 'well_known_unknown',
        accepted: [...wellKnownKinds.keys()],
      },
    );
  }
  const key = await strangersKey(discovery.publishedKey(named.kind, id, kid));
  return named.identifiesAgent
    ? { kind: 'agent', scheme: 'jwks', key, agent: id, delegate: undefined }
    : { kind: 'key', scheme: 'jwks', key };
}
