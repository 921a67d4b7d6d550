import type { VerificationKey } from '@countersign/httpsig';
import type { IdentifierOptions, ServerIdentifier } from '../identifiers.js';
import { signJws, verifyJws } from '../jws.js';
import type { PublishedKey } from '../key-set.js';
import { parseScope } from '../scope.js';
import { ClaimReader, TOKEN_TYPES, type TokenExpectations } from './token-claims.js';

declare const verified: unique symbol;

/** What a resource token says. */
export interface ResourceTokenClaims {
  readonly resource: ServerIdentifier;
  readonly authServer: ServerIdentifier;
  readonly agent: ServerIdentifier;
  /** Thumbprint of the key that signed the agent's request. */
  readonly agentThumbprint: string;
  readonly scope: readonly string[];
  readonly authRequestUrl: string | undefined;
  readonly expiresAt: number;
  readonly tokenId: string | undefined;
}

/** A resource token that has been verified by the auth server it is for. */
export interface VerifiedResourceToken extends ResourceTokenClaims {
  readonly [verified]: 'resource-token';
}

/** The longest lifetime accepted: 15 minutes (PROTOCOL section 3). */
export const MAX_RESOURCE_TOKEN_SECONDS = 900;

export interface ResourceTokenExpectations extends TokenExpectations {
  /** The auth server's own identifier. */
  readonly audience: ServerIdentifier;
  /** The agent that signed the request which carries the token. */
  readonly agent: ServerIdentifier;
  /** The thumbprint of the key that signed that request. */
  readonly agentThumbprint: string;
  readonly findKey: (
    resource: ServerIdentifier,
    kid: string,
  ) => Promise<VerificationKey | undefined>;
}

function read(claims: ClaimReader): Omit<ResourceTokenClaims, 'expiresAt'> {
  const scope: unknown = claims.payload['scope'];
  const names = scope === undefined ? [] : parseScope(scope);
  const authRequestUrl = claims.optionalString('auth_request_url');
  if (names === undefined) claims.refuse('scope_invalid');
  if (scope === undefined && authRequestUrl === undefined) claims.refuse('scope_missing');
  return {
    resource: claims.identifier('iss'),
    authServer: claims.identifier('aud'),
    agent: claims.identifier('agent'),
    agentThumbprint: claims.string('agent_jkt'),
    scope: names,
    authRequestUrl,
    tokenId: claims.optionalString('jti'),
  };
}

/**
 * Verifies a resource token (PROTOCOL section 3): type, audience, agent, key thumbprint and times first, then the
 * resource's key, then the signature. Throws `AAuthError` `invalid_resource_token`; errors of `findKey` are passed on.
 */
export async function verifyResourceToken(
  token: string,
  expect: ResourceTokenExpectations,
): Promise<VerifiedResourceToken> {
  const claims: ClaimReader = ClaimReader.open(
    token,
    TOKEN_TYPES.resource,
    'invalid_resource_token',
    expect,
  );
  const content = read(claims);
  if (content.authServer !== expect.audience) claims.refuse('aud_other');
  if (content.agent !== expect.agent) claims.refuse('agent_other');
  if (content.agentThumbprint !== expect.agentThumbprint) claims.refuse('agent_jkt_other');
  const { maxLifetimeSeconds = MAX_RESOURCE_TOKEN_SECONDS } = expect;
  const expiresAt = claims.expiry(expect, maxLifetimeSeconds);
  const key = await expect.findKey(content.resource, claims.jws.header.kid);
  if (key === undefined) claims.refuse('kid_unknown');
  if (!(await verifyJws(claims.jws, key, expect.verifySignature))) claims.refuse('token_signature');
  return { ...content, expiresAt } as VerifiedResourceToken;
}

/**
 * Reads a resource token without verifying it: all an agent can and needs to do before it acts on a challenge.
 * Throws `AAuthError` `invalid_resource_token` for one that is malformed.
 */
export function readResourceToken(token: string, options: IdentifierOptions): ResourceTokenClaims {
  const claims: ClaimReader = ClaimReader.open(
    token,
    TOKEN_TYPES.resource,
    'invalid_resource_token',
    options,
  );
  const expiresAt = claims.seconds('exp') ?? claims.refuse('exp_missing');
  return { ...read(claims), expiresAt };
}

/** Signs a resource token. `lifetimeSeconds` defaults to ten minutes. Mint one only for a request that was verified. */
export async function issueResourceToken(
  key: PublishedKey,
  claims: {
    readonly resource: ServerIdentifier;
    readonly authServer: ServerIdentifier;
    readonly agent: ServerIdentifier;
    readonly agentThumbprint: string;
    readonly scope?: readonly string[];
    readonly authRequestUrl?: string;
    readonly now: number;
    readonly tokenId: string;
    readonly lifetimeSeconds?: number;
  },
): Promise<string> {
  const payload = {
    iss: claims.resource,
    aud: claims.authServer,
    agent: claims.agent,
    agent_jkt: claims.agentThumbprint,
    ...(claims.scope === undefined ? {} : { scope: claims.scope.join(' ') }),
    ...(claims.authRequestUrl === undefined ? {} : { auth_request_url: claims.authRequestUrl }),
    exp: claims.now + (claims.lifetimeSeconds ?? 600),
    iat: claims.now,
    jti: claims.tokenId,
  };
  return await signJws(TOKEN_TYPES.resource, payload, key, key.kid);
}
