import { AAuthError, hashSecret } from '@countersign/protocol';
import type { RequestContext } from '../../request-context.js';
import { issueTokenAnswer } from './auth-token-answer.js';
import type { TokenRequest } from './token-endpoint.js';

/**
 * `request_type=refresh` (PROTOCOL section 5.4): bound to agent and delegate, not to a key. No new refresh token is
 * returned.
 */
export async function answerRefresh(
  context: RequestContext,
  { caller, form }: TokenRequest,
): Promise<object> {
  const refreshToken = form.get('refresh_token');
  if (refreshToken === undefined || refreshToken === '') {
    throw new AAuthError('invalid_request', 'The refresh_token parameter is missing.');
  }
  const now = context.clock();
  const tokenId = context.secret(128);
  const { lifetimes } = context;
  const used = await context.storage.refreshTokens.use({
    hash: await hashSecret(refreshToken),
    agent: caller.agent,
    delegate: caller.delegate ?? null,
    now,
    idleSeconds: lifetimes.refreshIdle,
    absoluteSeconds: lifetimes.refreshAbsolute,
    issued: { jti: tokenId, kind: 'auth', expiresAt: now + lifetimes.authToken },
  });
  if (used === undefined) {
    throw new AAuthError('invalid_grant', 'The refresh token is not valid any more; ask anew.', {
      rule: 'refresh_token_refused',
    });
  }
  const { audience, scope, subject, claims, accessEndsAt, encryptionJwk } = used;
  return await issueTokenAnswer(context, {
    caller,
    audience,
    scope,
    subject: subject ?? undefined,
    claims,
    now,
    tokenId,
    accessEndsAt,
    encryptionJwk,
  });
}
