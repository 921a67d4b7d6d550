import {
  type AAuthError,
  type Challenge,
  errorResponse,
  serializeChallenge,
} from '@countersign/protocol';
import type { Access } from './access.js';

/** What became of a request. A closed union: switch over `type`. */
export type Outcome<A = Access> =
  | { readonly type: 'access'; readonly access: A }
  /** Not enough yet: the caller may come back with more. `error` says why when something was refused. */
  | { readonly type: 'challenge'; readonly challenge: Challenge; readonly error?: AAuthError }
  /** Refused for a reason that no stronger proof would change. */
  | { readonly type: 'refusal'; readonly error: AAuthError };

/** The answer that an outcome other than access has (PROTOCOL sections 4 and 7). */
export function outcomeResponse(outcome: Exclude<Outcome, { type: 'access' }>): Response {
  if (outcome.type === 'refusal') return errorResponse(outcome.error);
  const { challenge, error } = outcome;
  if (error !== undefined) return errorResponse(error, challenge);
  const text: Record<Challenge['kind'], string> = {
    signature: 'Signature required',
    identity: 'Identity required',
    'auth-token': 'Authorization required',
    interaction: 'Interaction required',
  };
  return new Response(text[challenge.kind], {
    status: 401,
    headers: {
      'Agent-Auth': serializeChallenge(challenge),
      'Cache-Control': 'no-store',
      'Content-Type': 'text/plain; charset=utf-8',
    },
  });
}
