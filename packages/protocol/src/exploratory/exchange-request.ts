import {
  type HttpMessage,
  type ResolvedKey,
  type VerificationKey,
  verifyMessage,
} from '@countersign/httpsig';
import type { Discovery } from '../discovery/discovery.js';
import { AAuthError, isAAuthError } from '../errors.js';
import { authorityOf, type ServerIdentifier } from '../identifiers.js';
import { isTrusted, type VerifiedAuthToken, verifyAuthToken } from './auth-token.js';
import { parseForm } from './form.js';
import { agentMetadata, authServerMetadata, resourceMetadata } from './metadata.js';
import { checkNonce, checkReplay } from './replay-check.js';
import {
  nonceOf,
  replayWith,
  type RequestMeans,
  type RequestVerifierOptions,
  signatureRefused,
} from './request-verifier.js';
import {
  readResourceToken,
  type ResourceTokenClaims,
  type VerifiedResourceToken,
  verifyResourceToken,
} from './resource-token.js';
import { trustedKey } from './resolve-token.js';
import { DEFAULT_WIRES, profileWith, signingProfile } from './signing-profile.js';
import { fromStranger, strangerRefused } from './strangers-key.js';

/** A request for an exchange in which everything has been verified but whether policy allows it. */
export interface VerifiedExchange {
  /** The resource that calls another: the audience of `upstream`, and whose published key signed. */
  readonly caller: ServerIdentifier;
  /** The caller's key, to which the new token is bound. */
  readonly key: VerificationKey;
  /** The token it was called with. Live at this moment; whether it has been revoked is its issuer's to know. */
  readonly upstream: VerifiedAuthToken & { readonly agent: ServerIdentifier };
  /** What the downstream resource asks for. */
  readonly resourceToken: VerifiedResourceToken;
}

export interface ExchangeVerifierOptions extends Pick<
  RequestVerifierOptions,
  | 'id'
  | 'discovery'
  | 'clock'
  | 'acceptWire'
  | 'windowSeconds'
  | 'skewSeconds'
  | 'insecureLoopback'
  | 'maxAuthTokenSeconds'
  | 'replay'
  | 'verifySignature'
> {
  /** The auth server's own keys, by `kid`: its own tokens are verified without asking anybody. */
  readonly ownKey: (kid: string) => Promise<VerificationKey | undefined>;
  /** Other auth servers whose tokens are taken as upstream tokens. */
  readonly trustedIssuers: readonly ServerIdentifier[];
}

/** `admit` is asked about the caller once the signature has been verified, as that of `RequestVerifier`. */
export type ExchangeVerifier = (
  message: HttpMessage,
  admit?: (caller: ServerIdentifier) => Promise<void> | void,
  means?: RequestMeans,
) => Promise<VerifiedExchange>;

interface ResolvedExchange extends ResolvedKey {
  readonly upstream: VerifiedExchange['upstream'];
}

/**
 * Makes the function that verifies `request_type=exchange` at one auth server (PROTOCOL section 5.8). It differs from
 * every other signed request: Signature-Key carries a token that is bound to somebody else's key, and the request is
 * signed with the caller's own published key. The order is that section's: form and digest; the upstream token's
 * issuer, for nothing is fetched about any that is not trusted; the upstream token, whose audience is the caller; the
 * caller's key, named by the resource token's `agent_jkt`; the signature; repeats; the resource token in full.
 *
 * The function throws `AAuthError`: `invalid_request` and `invalid_resource_token` for what cannot be read,
 * `invalid_token` for the upstream token, `invalid_signature` for the rest, `temporarily_unavailable` when a trusted
 * auth server cannot be asked.
 */
export function createExchangeVerifier(options: ExchangeVerifierOptions): ExchangeVerifier {
  const { id, clock, insecureLoopback = false } = options;
  const { windowSeconds = signingProfile.windowSeconds } = options;
  return async (message, admit, means = {}) => {
    const now = clock();
    const { discovery = options.discovery } = means;
    const replay = replayWith(options.replay, means);
    const form = parseForm(message);
    const resourceToken = form.get('resource_token');
    if (resourceToken === undefined || resourceToken === '') {
      throw new AAuthError('invalid_request', 'The resource_token parameter is missing.');
    }
    const named = readResourceToken(resourceToken, { insecureLoopback });
    const result = await verifyMessage<ResolvedExchange>(message, {
      profile: profileWith(options.skewSeconds),
      authorities: [authorityOf(id)],
      now,
      acceptWire: options.acceptWire ?? DEFAULT_WIRES,
      acceptSchemes: ['jwt'],
      verifySignature: options.verifySignature,
      windowSeconds,
      resolveKey: async (signatureKey) => {
        if (replay !== undefined) checkNonce(message.method, nonceOf(message), replay);
        // Only `jwt` is accepted above.
        if (signatureKey.scheme !== 'jwt') throw new TypeError('not a token');
        const upstream = await verifyUpstream(signatureKey.jwt, named.agent, now, {
          ...options,
          discovery,
        });
        return { upstream, key: await callersKey(named, upstream, discovery) };
      },
    });
    if (!result.ok) throw signatureRefused(result.failure, ['jwt']);
    const { resolved } = result.signature;
    const { key, upstream } = resolved;
    const caller = named.agent;
    if (admit !== undefined) await admit(caller);
    if (replay !== undefined) {
      const signer = {
        kind: 'agent',
        scheme: 'jwt',
        key,
        agent: caller,
        delegate: undefined,
      } as const;
      await checkReplay(message.method, result.signature, signer, { now, windowSeconds }, replay);
    }
    const verified = await verifyResourceToken(resourceToken, {
      now,
      audience: id,
      agent: caller,
      agentThumbprint: key.thumbprint,
      insecureLoopback,
      verifySignature: options.verifySignature,
      ...(options.skewSeconds === undefined ? {} : { skewSeconds: options.skewSeconds }),
      findKey: (resource, kid) =>
        fromStranger(discovery.publishedKey(resourceMetadata, resource, kid)),
    });
    return { caller, key, upstream, resourceToken: verified };
  };
}

function tokenRefused(rule: string, message: string): AAuthError {
  return new AAuthError('invalid_token', message, { rule });
}

/** The upstream token: issuer, audience and times first, then the issuer's key and the signature. */
async function verifyUpstream(
  jwt: string,
  caller: ServerIdentifier,
  now: number,
  options: ExchangeVerifierOptions,
): Promise<VerifiedExchange['upstream']> {
  const { id, discovery, ownKey, trustedIssuers, insecureLoopback = false } = options;
  const { skewSeconds, maxAuthTokenSeconds } = options;
  const { state, token } = await verifyAuthToken(jwt, {
    now,
    audience: caller,
    insecureLoopback,
    verifySignature: options.verifySignature,
    ...(skewSeconds === undefined ? {} : { skewSeconds }),
    ...(maxAuthTokenSeconds === undefined ? {} : { maxLifetimeSeconds: maxAuthTokenSeconds }),
    trustedIssuers: (issuer) => issuer === id || isTrusted(issuer, trustedIssuers),
    findKey: (issuer, kid) =>
      issuer === id
        ? ownKey(kid)
        : trustedKey(discovery.publishedKey(authServerMetadata, issuer, kid)),
  });
  // Without the allowance: a token that may not outlive this one would have no life at all.
  if (state === 'expired' || token.expiresAt <= now) {
    throw tokenRefused('token_expired', 'The upstream token has expired.');
  }
  const { agent } = token;
  // A sign-in token says who a person is; nobody called anything with it.
  if (agent === undefined) {
    throw tokenRefused('agent_missing', 'A sign-in token cannot be exchanged.');
  }
  return { ...token, agent };
}

/**
 * The caller's own published key: the one that the resource token names. What is published for it as an agent comes
 * first; whatever is wrong there, the answer is one and the same.
 */
async function callersKey(
  { agent: caller, agentThumbprint }: ResourceTokenClaims,
  upstream: VerifiedAuthToken,
  discovery: Discovery,
): Promise<VerificationKey> {
  if (agentThumbprint === upstream.confirmation.thumbprint) {
    throw new AAuthError(
      'invalid_signature',
      "Sign an exchange with the caller's own published key, not with the key of the upstream token.",
      { rule: 'upstream_key' },
    );
  }
  let refusal: AAuthError | undefined;
  for (const kind of [agentMetadata, resourceMetadata]) {
    try {
      const key = await discovery.keyByThumbprint(kind, caller, agentThumbprint);
      if (key !== undefined) return key;
    } catch (error) {
      if (!isAAuthError(error, 'discovery_failed')) throw error;
      refusal = error;
    }
  }
  throw strangerRefused('agent_jkt_unknown', refusal?.detail ?? refusal?.message, refusal);
}
