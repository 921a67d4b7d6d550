import { AAuthError, hashSecret } from '@countersign/protocol';
import type { RequestContext } from '../../request-context.js';
import { issueTokenAnswer } from './auth-token-answer.js';
import type { TokenRequest } from './token-endpoint.js';

/**
 * `request_type=code` (PROTOCOL section 5.3). Whatever is wrong with a code, the answer is the same bytes; what it was
 * goes to the log.
 */
export async function answerCodeExchange(
  context: RequestContext,
  { caller, form }: TokenRequest,
): Promise<object> {
  const code = form.get('code');
  if (code === undefined || code === '') {
    throw new AAuthError('invalid_request', 'The code parameter is missing.');
  }
  const now = context.clock();
  const refreshToken = context.secret(256);
  const tokenId = context.secret(128);
  const result = await context.storage.codes.redeem({
    codeHash: await hashSecret(code),
    agent: caller.agent,
    delegate: caller.delegate ?? null,
    redirectUri: form.get('redirect_uri'),
    now,
    refreshTokenHash: await hashSecret(refreshToken),
    issued: { jti: tokenId, kind: 'auth', expiresAt: now + context.lifetimes.authToken },
  });
  if (result.outcome === 'refused') {
    throw new AAuthError('invalid_grant', 'The code is wrong, used or expired; start again.', {
      rule: `code_${result.reason.replaceAll('-', '_')}`,
    });
  }
  const { audience, scope, subject, claims, accessEndsAt, encryptionJwk } = result.code;
  return await issueTokenAnswer(context, {
    caller,
    audience,
    scope,
    subject,
    claims,
    now,
    tokenId,
    refreshToken,
    accessEndsAt,
    encryptionJwk,
  });
}
