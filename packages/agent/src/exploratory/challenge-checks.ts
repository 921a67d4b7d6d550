import {
  AAuthError,
  type Challenge,
  type IdentifierOptions,
  isAAuthError,
  isOnOrigin,
  readResourceToken,
  type ResourceTokenClaims,
  scopeCovers,
  type ServerIdentifier,
} from '@countersign/protocol';

/** Who the agent is and whom it called: what a challenge is held against. */
export interface Expected extends IdentifierOptions {
  /** The origin of the address that was called. */
  readonly resource: ServerIdentifier;
  readonly agent: ServerIdentifier;
  readonly keyThumbprint: string;
  /** Unix seconds. */
  readonly now: number;
}

/** A challenge for an auth token that names this agent, its key, the resource called and its own auth server. */
export interface AccessRequest {
  readonly resource: ServerIdentifier;
  readonly authServer: ServerIdentifier;
  readonly resourceToken: string;
  readonly scope: readonly string[];
  readonly authRequestUrl: string | undefined;
}

/** Allowance in seconds for the clocks of others (PROTOCOL section 3). */
const SKEW_SECONDS = 10;

const MEANINGS: Readonly<Record<string, string>> = {
  resource_token_invalid: 'its resource token cannot be read',
  resource_other: 'its resource token was not made by the resource that was called',
  agent_other: 'its resource token is for another agent',
  agent_jkt_other: 'its resource token is for another key',
  auth_server_other: 'its resource token is for another auth server than the one it names',
  resource_token_expired: 'its resource token has expired',
  scope_other: 'its resource token asks for other scopes than were wanted',
  user_interaction_origin: 'it sends the person to a page that is not on the resource called',
};

function refuse(rule: string, expected: Expected, cause?: unknown): never {
  throw new AAuthError(
    'challenge_refused',
    `What ${expected.resource} asks for was not acted on: ${MEANINGS[rule] ?? rule}.`,
    { rule, cause },
  );
}

/**
 * The agent's checks before it acts on a challenge for an auth token (PROTOCOL section 5.12), in order: the resource
 * token can be read; `iss` is the resource called; `agent` and `agent_jkt` are its own; `aud` is a server identifier
 * and equals `auth_server`; it has not expired. Throws `challenge_refused` with the broken rule. The resource token's
 * signature is not checked: the auth server does that. With `scope` the token must ask for exactly that.
 */
export function checkAccessChallenge(
  challenge: Extract<Challenge, { kind: 'auth-token' }>,
  expected: Expected,
  scope?: readonly string[],
): AccessRequest {
  const claims = readClaims(challenge.resourceToken, expected);
  if (claims.resource !== expected.resource) refuse('resource_other', expected);
  if (claims.agent !== expected.agent) refuse('agent_other', expected);
  if (claims.agentThumbprint !== expected.keyThumbprint) refuse('agent_jkt_other', expected);
  if (claims.authServer !== challenge.authServer) refuse('auth_server_other', expected);
  if (claims.expiresAt + SKEW_SECONDS <= expected.now) refuse('resource_token_expired', expected);
  if (scope !== undefined && !asksExactly(claims, scope)) refuse('scope_other', expected);
  return {
    resource: claims.resource,
    authServer: claims.authServer,
    resourceToken: challenge.resourceToken,
    scope: claims.scope,
    authRequestUrl: claims.authRequestUrl,
  };
}

function asksExactly(claims: ResourceTokenClaims, scope: readonly string[]): boolean {
  const same = scopeCovers(claims.scope, scope) && scopeCovers(scope, claims.scope);
  return same && claims.authRequestUrl === undefined;
}

function readClaims(token: string, expected: Expected): ResourceTokenClaims {
  try {
    return readResourceToken(token, expected);
  } catch (error) {
    if (!isAAuthError(error, 'invalid_resource_token')) throw error;
    return refuse('resource_token_invalid', expected, error);
  }
}

/**
 * The check before a person is sent to a page of the resource: it is on the origin of the resource called
 * (PROTOCOL section 5.12). Returns the page's address in its one spelling.
 */
export function checkInteractionChallenge(
  challenge: Extract<Challenge, { kind: 'interaction' }>,
  expected: Expected,
): string {
  if (!isOnOrigin(challenge.url, expected.resource)) refuse('user_interaction_origin', expected);
  return new URL(challenge.url).href;
}
