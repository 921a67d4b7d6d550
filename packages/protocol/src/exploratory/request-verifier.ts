import {
  type HttpMessage,
  importVerificationKey,
  type ResolvedKey,
  type SchemeName,
  type SignatureFailure,
  type SignatureKey,
  type VerificationKey,
  type VerifiedSignature,
  verifyMessage,
  type Wire,
} from '@countersign/httpsig';
import type { Clock } from '../clock.js';
import type { Discovery } from '../discovery/discovery.js';
import { AAuthError, isAAuthError } from '../errors.js';
import {
  authorityOf,
  type IdentifierOptions,
  isServerIdentifier,
  type ServerIdentifier,
} from '../identifiers.js';
import { decodeJws } from '../jws.js';
import { verifyAgentToken } from './agent-token.js';
import {
  type ExpiredAuthToken,
  type TrustedIssuers,
  type VerifiedAuthToken,
  verifyAuthToken,
} from './auth-token.js';
import { agentMetadata, authServerMetadata, resourceMetadata } from './metadata.js';
import { DEFAULT_WIRES, signingProfile } from './signing-profile.js';
import { TOKEN_TYPES } from './token-claims.js';

/** Who signed a request, as far as that has been proved. */
export type Caller =
  /** The holder of a key: the same one over time, nothing more. */
  | { readonly kind: 'key'; readonly scheme: SchemeName; readonly key: VerificationKey }
  /** An agent, perhaps through one of its delegates. */
  | {
      readonly kind: 'agent';
      readonly scheme: SchemeName;
      readonly key: VerificationKey;
      readonly agent: ServerIdentifier;
      readonly delegate: string | undefined;
    }
  /** The holder of an auth token for this receiver. */
  | {
      readonly kind: 'token-holder';
      readonly scheme: 'jwt';
      readonly key: VerificationKey;
      readonly token: VerifiedAuthToken;
    }
  /** The holder of an auth token that was one for this receiver and has expired. */
  | {
      readonly kind: 'expired-token-holder';
      readonly scheme: 'jwt';
      readonly key: VerificationKey;
      readonly token: ExpiredAuthToken;
    };

interface ResolvedCaller extends ResolvedKey {
  readonly caller: Caller;
}

/** A request whose signature has been verified, and who signed it. */
export interface VerifiedRequest {
  readonly caller: Caller;
  readonly signature: VerifiedSignature<ResolvedKey>;
}

export interface RequestVerifierOptions extends IdentifierOptions {
  /** The receiver's own identifier: the audience of tokens, and by default its only authority. */
  readonly id: ServerIdentifier;
  /** Canonical authorities when there are more than the identifier's own. */
  readonly authorities?: readonly [string, ...string[]];
  readonly discovery: Discovery;
  readonly clock: Clock;
  /** Auth tokens are accepted from these auth servers; without this property they are refused. */
  readonly trustedIssuers?: TrustedIssuers;
  /** Default `rfc9421` and `2026-02`. `2026-01` can be replayed for ever and must be named. */
  readonly acceptWire?: readonly Wire[];
  /** Seconds that `created` may lie from now; default 60. */
  readonly windowSeconds?: number;
  /** Seconds of allowance for token times; default 10, at most 60. */
  readonly skewSeconds?: number;
  /** The longest time to `exp` accepted of an auth token; default 24 hours. */
  readonly maxAuthTokenSeconds?: number;
}

export type RequestVerifier = (message: HttpMessage) => Promise<VerifiedRequest>;

const SCHEMES: readonly SchemeName[] = ['hwk', 'jwks', 'jwt'];

const KEY_NOT_FOUND =
  'The signing key could not be had from where the request says it is published.';

/** Documents that `well-known` may name, and whether one proves the identity of an agent (PROTOCOL section 2.1). */
const wellKnownKinds = new Map([
  [agentMetadata.wellKnown, { kind: agentMetadata, identifiesAgent: true }],
  [resourceMetadata.wellKnown, { kind: resourceMetadata, identifiesAgent: false }],
  [authServerMetadata.wellKnown, { kind: authServerMetadata, identifiesAgent: false }],
]);

/**
 * Makes the function that verifies signed requests for one receiver. Checks run cheapest first; the network is asked
 * only for a request that is well-formed, fresh and has the right digest, and never about an untrusted auth server.
 *
 * The function throws `AAuthError`: `invalid_signature` (also for anything wrong with a host that the request named),
 * `invalid_token`, `misdirected_request`, `invalid_request`, and `temporarily_unavailable` when a trusted auth server
 * cannot be asked.
 */
export function createRequestVerifier(options: RequestVerifierOptions): RequestVerifier {
  const authorities = options.authorities ?? [authorityOf(options.id)];
  return async (message) => {
    const now = options.clock();
    const result = await verifyMessage<ResolvedCaller>(message, {
      profile: signingProfile,
      authorities,
      now,
      acceptWire: options.acceptWire ?? DEFAULT_WIRES,
      acceptSchemes: SCHEMES,
      ...(options.windowSeconds === undefined ? {} : { windowSeconds: options.windowSeconds }),
      resolveKey: async (signatureKey) => {
        const caller = await resolveCaller(signatureKey, now, options);
        return { key: caller.key, caller };
      },
    });
    if (!result.ok) throw signatureRefused(result.failure);
    return { caller: result.signature.resolved.caller, signature: result.signature };
  };
}

function signatureRefused(failure: SignatureFailure): AAuthError {
  const { rule, message, accepted = failure.required } = failure;
  const code =
    rule === 'authority_mismatch'
      ? 'misdirected_request'
      : rule === 'target_invalid'
        ? 'invalid_request'
        : 'invalid_signature';
  return new AAuthError(code, message, { rule, ...(accepted === undefined ? {} : { accepted }) });
}

function keyNotFound(rule: string, cause?: AAuthError): AAuthError {
  return new AAuthError('invalid_signature', KEY_NOT_FOUND, {
    rule,
    ...(cause === undefined ? {} : { cause, detail: cause.detail ?? cause.message }),
  });
}

/** A key that a stranger pointed at: whatever is wrong there, the answer is the same. */
async function strangersKey(find: Promise<VerificationKey | undefined>): Promise<VerificationKey> {
  let key: VerificationKey | undefined;
  try {
    key = await find;
  } catch (error) {
    if (isAAuthError(error, 'discovery_failed')) throw keyNotFound('discovery_failed', error);
    throw error;
  }
  if (key === undefined) throw keyNotFound('kid_unknown');
  return key;
}

async function resolveCaller(
  signatureKey: SignatureKey,
  now: number,
  options: RequestVerifierOptions,
): Promise<Caller> {
  switch (signatureKey.scheme) {
    case 'hwk': {
      const key = await importVerificationKey(signatureKey.jwk);
      return { kind: 'key', scheme: 'hwk', key };
    }
    case 'jwks':
      return await resolvePublishedKey(signatureKey, options);
    case 'jwt':
      return await resolveTokenKey(signatureKey.jwt, now, options);
    case 'x509':
      throw new AAuthError('invalid_signature', 'The Signature-Key scheme is not accepted here.', {
        rule: 'scheme_unsupported',
        accepted: SCHEMES,
      });
  }
}

async function resolvePublishedKey(
  signatureKey: Extract<SignatureKey, { scheme: 'jwks' }>,
  options: RequestVerifierOptions,
): Promise<Caller> {
  const { discovery } = options;
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

async function resolveTokenKey(
  jwt: string,
  now: number,
  options: RequestVerifierOptions,
): Promise<Caller> {
  const { id, discovery, trustedIssuers, insecureLoopback = false } = options;
  const expect = {
    now,
    insecureLoopback,
    audience: id,
    ...(options.skewSeconds === undefined ? {} : { skewSeconds: options.skewSeconds }),
  };
  const decoded = decodeJws(jwt);
  const typ = typeof decoded === 'string' ? undefined : decoded.header.typ;
  if (typ === TOKEN_TYPES.auth && trustedIssuers !== undefined) {
    const result = await verifyAuthToken(jwt, {
      ...expect,
      trustedIssuers,
      ...(options.maxAuthTokenSeconds === undefined
        ? {}
        : { maxLifetimeSeconds: options.maxAuthTokenSeconds }),
      findKey: (issuer, kid) => trustedKey(discovery.publishedKey(authServerMetadata, issuer, kid)),
    });
    const { token } = result;
    const key = token.confirmation;
    return result.state === 'valid'
      ? { kind: 'token-holder', scheme: 'jwt', key, token: result.token }
      : { kind: 'expired-token-holder', scheme: 'jwt', key, token: result.token };
  }
  const token = await verifyAgentToken(jwt, {
    ...expect,
    findKey: (agent, kid) => strangersKey(discovery.publishedKey(agentMetadata, agent, kid)),
  });
  return {
    kind: 'agent',
    scheme: 'jwt',
    key: token.confirmation,
    agent: token.agent,
    delegate: token.delegate,
  };
}

/** A key of an auth server this receiver was configured with: its failure is ours to report as such. */
async function trustedKey(
  find: Promise<VerificationKey | undefined>,
): Promise<VerificationKey | undefined> {
  try {
    return await find;
  } catch (error) {
    if (!isAAuthError(error, 'discovery_failed')) throw error;
    throw new AAuthError(
      'temporarily_unavailable',
      'The auth server that issued the token cannot be reached; try again shortly.',
      { rule: 'trusted_issuer_unreachable', cause: error, retryAfterSeconds: 10 },
    );
  }
}
