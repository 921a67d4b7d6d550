import {
  AAuthError,
  type Caller,
  detailsCover,
  scopeCovers,
  type ServerIdentifier,
} from '@countersign/protocol';
import { type Access, accessOf, type AuthorizedAccess } from './access.js';
import { approvedDetails, isLimitedByDetails } from './approved-details.js';
import type { AskedDocument } from './document-desk.js';
import type { Requirement } from './requirement.js';

/** For whom a resource token is to be minted. */
export interface TokenRequest {
  readonly agent: ServerIdentifier;
  readonly agentThumbprint: string;
  readonly scopes: readonly string[];
  /** The Auth Request Document that says what is asked for, scopes included, when the route asks with one. */
  readonly authRequestUrl?: string;
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

/**
 * Weighs a verified caller against what the route asks for (PROTOCOL sections 3 and 4), with `document` when it asks with
 * one. Pure.
 */
export function decide(
  caller: Caller,
  requirement: Requirement,
  document?: AskedDocument,
): Decision {
  const access = accessOf(caller);
  if (requirement.level !== 'authorization') {
    const opening = openingChallenge(requirement);
    if (access === undefined) return { kind: 'challenge', ask: opening, error: expired() };
    const enough = requirement.level === 'signature' || access.level !== 'signature';
    return enough ? { kind: 'access', access } : { kind: 'challenge', ask: opening };
  }
  const { scopes } = requirement;
  const agentThumbprint = caller.key.thumbprint;
  const wanted = { scopes, ...(document === undefined ? {} : { authRequestUrl: document.url }) };
  if (access === undefined) {
    const agent = caller.kind === 'expired-token-holder' ? caller.token.agent : undefined;
    const ask = agent === undefined ? 'identity' : { agent, agentThumbprint, ...wanted };
    return { kind: 'challenge', ask, error: expired() };
  }
  switch (access.level) {
    case 'signature':
      return { kind: 'challenge', ask: 'identity' };
    case 'identity':
      return { kind: 'challenge', ask: { agent: access.agent, agentThumbprint, ...wanted } };
    case 'authorization': {
      const encrypted = caller.kind === 'token-holder' && caller.encrypted === true;
      const error = lacking(access, encrypted, requirement, document);
      if (error === undefined) return { kind: 'access', access };
      // Every scope the route asks for: a challenge for what is missing only would never end.
      const ask = { agent: access.agent, agentThumbprint, ...wanted };
      return { kind: 'challenge', ask, error };
    }
  }
}

/** What a valid token does not grant of what the route asks for. */
function lacking(
  access: AuthorizedAccess,
  encrypted: boolean,
  { scopes, acceptDetails = false }: Extract<Requirement, { level: 'authorization' }>,
  document: AskedDocument | undefined,
): AAuthError | undefined {
  const refused = (rule: string, message: string): AAuthError =>
    new AAuthError('insufficient_scope', message, { rule });
  if (!scopeCovers(access.scope, scopes)) {
    return refused(
      'insufficient_scope',
      `This needs a token with the scopes: ${scopes.join(' ')}.`,
    );
  }
  const approved = approvedDetails(access);
  const wanted = document?.details ?? [];
  if (!detailsCover(approved, wanted)) {
    return refused(
      'insufficient_details',
      'This needs a token that was approved for this very request.',
    );
  }
  if (wanted.length === 0 && !acceptDetails && isLimitedByDetails(access)) {
    return refused('details_not_asked', 'The token was approved for something else in particular.');
  }
  if (document?.encrypted === true && !encrypted) {
    return refused('token_unencrypted', 'This needs a token that is encrypted to the resource.');
  }
  return undefined;
}
