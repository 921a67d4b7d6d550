import {
  AAuthError,
  encryptToken,
  type EncryptionJwk,
  issueAuthToken,
  type JsonObject,
  MAX_TOKEN_LENGTH,
  parseScope,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { RequestContext } from '../../request-context.js';
import type { IssueTerms } from '../../storage/index.js';
import type { AgentCaller } from './token-endpoint.js';

/** A token whose grant and ledger row are already committed. */
export interface TokenToIssue extends Partial<IssueTerms> {
  readonly caller: AgentCaller;
  readonly audience: string;
  /** Space-separated; empty for a token that only says who the person is. */
  readonly scope: string;
  readonly subject: string | undefined;
  readonly claims: JsonObject;
  readonly now: number;
  readonly tokenId: string;
  readonly refreshToken?: string;
}

/**
 * Signs the auth token, bound to the key of this request, encrypts it when the audience published a key for that, and
 * writes the answer (PROTOCOL sections 3 and 5.3).
 */
export async function issueTokenAnswer(
  context: RequestContext,
  token: TokenToIssue,
): Promise<object> {
  const { caller, audience } = token;
  const { accessEndsAt, encryptionJwk } = token;
  const endsIn = (accessEndsAt ?? Infinity) - token.now;
  const lifetime = Math.min(context.lifetimes.authToken, endsIn);
  const begun = performance.now();
  const signed = await issueAuthToken(context.keys.current, {
    issuer: context.issuer,
    audience: audience as ServerIdentifier,
    confirmation: caller.key.jwk,
    scope: parseScope(token.scope) ?? [],
    // A sign-in token names its audience once (PROTOCOL section 5.6).
    ...(audience === caller.agent ? {} : { agent: caller.agent }),
    delegate: caller.delegate,
    subject: token.subject,
    claims: token.claims,
    now: token.now,
    tokenId: token.tokenId,
    lifetimeSeconds: lifetime,
  });
  // Frozen when the question was asked, and read strictly then.
  const key = encryptionJwk as EncryptionJwk | null | undefined;
  const authToken = key === null || key === undefined ? signed : await encryptToken(signed, key);
  if (authToken.length > MAX_TOKEN_LENGTH) {
    throw new AAuthError(
      'invalid_request',
      `What was granted does not fit into a token of ${MAX_TOKEN_LENGTH} characters; ask for less.`,
      { rule: 'token_too_large' },
    );
  }
  context.emit?.({
    type: 'token-issued',
    kind: context.scope.requestType ?? 'auth',
    jti: token.tokenId,
    agent: caller.agent,
    audience,
    durationMilliseconds: performance.now() - begun,
  });
  return {
    auth_token: authToken,
    expires_in: lifetime,
    token_type: 'Bearer',
    ...(token.refreshToken === undefined ? {} : { refresh_token: token.refreshToken }),
  };
}
