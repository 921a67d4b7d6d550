import { AAuthError, type Caller, scopeCovers, type ServerIdentifier } from '@countersign/protocol';
import { type Access, accessOf } from './access.js';
import type { Requirement } from './requirement.js';

/** For whom a resource token is to be minted. */
export interface TokenRequest {
  readonly agent: ServerIdentifier;
  readonly agentThumbprint: string;
  readonly scopes: readonly string[];
}

/** What is to be done with a request, as data. */
export type Decision =
  | { readonly kind: 'access'; readonly access: Access }
  /** Ask for more: a weaker proof than the route asks for, or a token refused (then with `error`). */
  | {
      readonly kind: 'challenge';
      readonly ask: 'signature' | 'identity' | TokenRequest;
      readonly error?: AAuthError;
    };

/** Whom nobody has signed for: the challenge that a route of that level begins with. */
export function openingChallenge(requirement: Requirement): 'signature' | 'identity' {
  return requirement.level === 'signature' ? 'signature' : 'identity';
}

/** Why the holder of an expired token is challenged. */
export const expired = (): AAuthError =>
  new AAuthError('invalid_token', 'The token has expired; ask for a new one.', {
    rule: 'token_expired',
  });

/** Weighs a verified caller against what the route asks for (PROTOCOL sections 3 and 4). Pure. */
export function decide(caller: Caller, requirement: Requirement): Decision {
  const access = accessOf(caller);
  if (requirement.level !== 'authorization') {
    const opening = openingChallenge(requirement);
    if (access === undefined) return { kind: 'challenge', ask: opening, error: expired() };
    const enough = requirement.level === 'signature' || access.level !== 'signature';
    return enough ? { kind: 'access', access } : { kind: 'challenge', ask: opening };
  }
  const { scopes } = requirement;
  const agentThumbprint = caller.key.thumbprint;
  if (access === undefined) {
    const agent = caller.kind === 'expired-token-holder' ? caller.token.agent : undefined;
    const ask = agent === undefined ? 'identity' : { agent, agentThumbprint, scopes };
    return { kind: 'challenge', ask, error: expired() };
  }
  switch (access.level) {
    case 'signature':
      return { kind: 'challenge', ask: 'identity' };
    case 'identity':
      return { kind: 'challenge', ask: { agent: access.agent, agentThumbprint, scopes } };
    case 'authorization':
      if (scopeCovers(access.scope, scopes)) return { kind: 'access', access };
      return {
        kind: 'challenge',
        // Every scope the route asks for: a challenge for what is missing only would never end.
        ask: { agent: access.agent, agentThumbprint, scopes },
        error: new AAuthError(
          'insufficient_scope',
          `This needs a token with the scopes: ${scopes.join(' ')}.`,
          { rule: 'insufficient_scope' },
        ),
      };
  }
}
