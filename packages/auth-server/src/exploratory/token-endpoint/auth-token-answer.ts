import {
  issueAuthToken,
  type JsonObject,
  parseScope,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { ServerContext } from '../../context.js';
import type { AgentCaller } from './token-endpoint.js';

/** A token whose grant and ledger row are already committed. */
export interface TokenToIssue {
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

/** Signs the auth token, bound to the key of this request, and writes the answer (PROTOCOL sections 3 and 5.3). */
export async function issueTokenAnswer(
  context: ServerContext,
  token: TokenToIssue,
): Promise<object> {
  const { caller, audience } = token;
  const lifetime = context.lifetimes.authToken;
  const authToken = await issueAuthToken(context.keys.current, {
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
  return {
    auth_token: authToken,
    expires_in: lifetime,
    token_type: 'Bearer',
    ...(token.refreshToken === undefined ? {} : { refresh_token: token.refreshToken }),
  };
}
