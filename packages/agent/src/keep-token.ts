import type { ServerIdentifier } from '@countersign/protocol';
import type { AgentContext } from './context.js';
import { checkGrantedToken, grantedScope, type GrantedToken } from './exploratory/token-answer.js';
import { type HeldToken, renewalTime, type Wanted } from './held-token.js';

/**
 * Checks a granted token against what was asked for, and keeps it, no longer than until `latestEnd`. Throws `response_invalid` for a token that is not
 * for this resource, agent and key.
 */
export async function keepToken(
  context: AgentContext,
  personKey: string,
  granted: GrantedToken,
  asked: Wanted & { readonly resource: ServerIdentifier; readonly authServer: ServerIdentifier },
  latestEnd = Infinity,
): Promise<HeldToken> {
  const { id, keys, clock, store } = context;
  const { resource, authServer, scope, authRequestUrl } = asked;
  const own = { agent: id, keyThumbprint: keys.current.thumbprint };
  const exp = await checkGrantedToken(granted.token, { authServer, resource, ...own });
  const now = clock();
  const expiresAt = Math.min(now + granted.expiresIn, exp ?? Infinity, latestEnd);
  const held: HeldToken = {
    resource,
    authServer,
    token: granted.token,
    expiresAt,
    renewAt: renewalTime(now, expiresAt),
    scope: grantedScope(granted.token, scope),
    ...(authRequestUrl === undefined ? {} : { authRequestUrl }),
    ...(granted.refreshToken === undefined ? {} : { refreshToken: granted.refreshToken }),
    ...own,
  };
  await store.saveToken(personKey, held, now);
  return held;
}
