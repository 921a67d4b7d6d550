import type { PublicJwk, VerificationKey } from '@countersign/httpsig';
import type { ServerIdentifier } from '../identifiers.js';
import type { JsonObject } from '../json.js';
import { signJws, verifyJws } from '../jws.js';
import type { PublishedKey } from '../key-set.js';
import { parseScope } from '../scope.js';
import { type Actor, readActors } from './actor-chain.js';
import {
  ClaimReader,
  confirmationClaim,
  isLive,
  TOKEN_TYPES,
  type TokenExpectations,
} from './token-claims.js';
import { rememberUpstreamToken } from './upstream-token.js';

declare const verified: unique symbol;

interface AuthTokenContent {
  readonly issuer: ServerIdentifier;
  readonly audience: ServerIdentifier;
  /** The agent it was issued to; absent in a sign-in token, whose audience is the agent itself. */
  readonly agent: ServerIdentifier | undefined;
  readonly delegate: string | undefined;
  /** The person, when one consented. Opaque. */
  readonly subject: string | undefined;
  readonly scope: readonly string[];
  /** Who acted before `agent`, the most recent first; empty unless the token came of an exchange. */
  readonly actors: readonly Actor[];
  readonly expiresAt: number;
  readonly tokenId: string | undefined;
  /** All claims, for the ones this type does not name (`name`, `email`, `act`, …). */
  readonly claims: JsonObject;
  /** The key the token is bound to. */
  readonly confirmation: VerificationKey;
}

/** An auth token that has been verified for its audience and has not expired. */
export interface VerifiedAuthToken extends AuthTokenContent {
  readonly [verified]: 'auth-token';
}

/** An auth token that has been verified in everything but `exp`. Opens nothing; says whom to challenge. */
export interface ExpiredAuthToken extends AuthTokenContent {
  readonly [verified]: 'expired-auth-token';
}

/** Which auth servers a receiver relies on: a list, or a function that is asked for each. */
export type TrustedIssuers =
  readonly ServerIdentifier[] | ((issuer: ServerIdentifier) => boolean | Promise<boolean>);

/** Whether `issuer` is one of those that a receiver relies on. */
export function isTrusted(
  issuer: ServerIdentifier,
  trusted: TrustedIssuers,
): boolean | Promise<boolean> {
  return typeof trusted === 'function' ? trusted(issuer) : trusted.includes(issuer);
}

/** The longest time to `exp` accepted by default: 24 hours (PROTOCOL section 3). */
export const MAX_AUTH_TOKEN_SECONDS = 86_400;

export interface AuthTokenExpectations extends TokenExpectations {
  /** The receiver's own identifier. */
  readonly audience: ServerIdentifier;
  /** Nothing is fetched for an issuer that is not trusted. */
  readonly trustedIssuers: TrustedIssuers;
  readonly findKey: (issuer: ServerIdentifier, kid: string) => Promise<VerificationKey | undefined>;
}

export type AuthTokenVerification =
  | { readonly state: 'valid'; readonly token: VerifiedAuthToken }
  | { readonly state: 'expired'; readonly token: ExpiredAuthToken };

/**
 * Verifies an auth token (PROTOCOL section 3): type, trusted issuer, audience, claims and times first, then the
 * issuer's key, then the signature. A token that has only expired is returned as `expired`.
 *
 * Throws `AAuthError` `invalid_token`; errors of `findKey` are passed on. Does not check that the request was signed
 * by `confirmation`, nor that `agent` is present or the scope enough: those depend on what is asked for.
 */
export async function verifyAuthToken(
  token: string,
  expect: AuthTokenExpectations,
): Promise<AuthTokenVerification> {
  const claims: ClaimReader = ClaimReader.open(token, TOKEN_TYPES.auth, 'invalid_token', expect);
  const issuer = claims.identifier('iss');
  if (!(await isTrusted(issuer, expect.trustedIssuers))) claims.refuse('issuer_untrusted');
  const audience = claims.identifier('aud');
  if (audience !== expect.audience) claims.refuse('aud_other');
  const scope: unknown = claims.payload['scope'];
  const names = scope === undefined || scope === '' ? [] : parseScope(scope);
  if (names === undefined) claims.refuse('scope_invalid');
  const act: unknown = claims.payload['act'];
  const actors = readActors(act, issuer, expect);
  if (actors === undefined) claims.refuse('act_invalid');
  const { maxLifetimeSeconds = MAX_AUTH_TOKEN_SECONDS } = expect;
  const expiresAt = claims.expiry(expect, maxLifetimeSeconds, true);
  const content: AuthTokenContent = {
    issuer,
    audience,
    agent: claims.payload['agent'] === undefined ? undefined : claims.identifier('agent'),
    delegate: claims.optionalString('agent_delegate'),
    subject: claims.optionalString('sub'),
    scope: names,
    actors,
    expiresAt,
    tokenId: claims.optionalString('jti'),
    claims: claims.payload,
    confirmation: await claims.confirmation(),
  };
  const key = await expect.findKey(issuer, claims.jws.header.kid);
  if (key === undefined) claims.refuse('kid_unknown');
  if (!(await verifyJws(claims.jws, key, expect.verifySignature))) claims.refuse('token_signature');
  if (!isLive(expiresAt, expect)) return { state: 'expired', token: content as ExpiredAuthToken };
  const valid = content as VerifiedAuthToken;
  rememberUpstreamToken(valid, token);
  return { state: 'valid', token: valid };
}

/**
 * Claims that say what the token grants. Further claims cannot set them even where they are absent: a sign-in token
 * that was given an `agent` this way would open what asks for authorisation.
 */
const OWN_CLAIMS: readonly string[] =
  'iss aud cnf scope exp nbf iat jti agent agent_delegate sub'.split(' ');

/** Signs an auth token bound to `confirmation`. `lifetimeSeconds` defaults to one hour. */
export async function issueAuthToken(
  key: PublishedKey,
  claims: {
    readonly issuer: ServerIdentifier;
    readonly audience: ServerIdentifier;
    readonly confirmation: PublicJwk;
    readonly scope?: readonly string[];
    readonly agent?: ServerIdentifier;
    readonly delegate?: string | undefined;
    readonly subject?: string | undefined;
    /** Further claims (`name`, `email`, `act`, …). They cannot set or replace the ones above. */
    readonly claims?: JsonObject;
    readonly now: number;
    readonly tokenId: string;
    readonly lifetimeSeconds?: number;
  },
): Promise<string> {
  // The order of the members is the transcript's.
  const named: JsonObject = {
    iss: claims.issuer,
    aud: claims.audience,
    cnf: confirmationClaim(claims.confirmation),
    ...(claims.scope === undefined || claims.scope.length === 0
      ? {}
      : { scope: claims.scope.join(' ') }),
    exp: claims.now + (claims.lifetimeSeconds ?? 3600),
    ...(claims.agent === undefined ? {} : { agent: claims.agent }),
    ...(claims.delegate === undefined ? {} : { agent_delegate: claims.delegate }),
    ...(claims.subject === undefined ? {} : { sub: claims.subject }),
    iat: claims.now,
    jti: claims.tokenId,
  };
  const extra = Object.entries(claims.claims ?? {}).filter(([name]) => !OWN_CLAIMS.includes(name));
  return await signJws(TOKEN_TYPES.auth, { ...named, ...Object.fromEntries(extra) }, key, key.kid);
}
