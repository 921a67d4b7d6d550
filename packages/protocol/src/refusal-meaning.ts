import type { ErrorCode } from './errors.js';

/** Who said no. */
export type RefusedBy =
  /** The person who was asked, or the auth server's policy in the person's place; also by not answering in time. */
  | 'person'
  /** The auth server: by policy, or because it does not accept what it was sent. */
  | 'auth-server'
  /** The resource that was called. */
  | 'resource'
  /** The agent server that a delegate belongs to. */
  | 'agent-server'
  /** The agent's own library: it does not act on what it was told, or send what it was given. */
  | 'agent';

/** Whether the same call may be made again. One closed union: a `switch` over it needs no default. */
export type Retry =
  /** It will be refused again until something else changes: the program, its settings, keys, clock, or a policy. */
  | 'never'
  /** It is about the moment: after `retryAfterSeconds`, or when that is absent after some seconds, longer each time. */
  | 'later'
  /** Nobody refused. A person has to approve first; once they have, the same call goes through without asking. */
  | 'after-approval'
  /**
   * The call can be made again and asks the person anew. Do it when the person starts it, never by itself: whoever has
   * just said no is not asked in a loop.
   */
  | 'ask-person-again';

const RETRY: Readonly<Record<ErrorCode, Retry>> = {
  invalid_request: 'never',
  // A code or grant that is over: the next call starts from the beginning.
  invalid_grant: 'ask-person-again',
  invalid_scope: 'never',
  invalid_resource_token: 'never',
  unsupported_request_type: 'never',
  invalid_signature: 'never',
  invalid_token: 'never',
  access_denied: 'never',
  insufficient_scope: 'never',
  not_found: 'never',
  method_not_allowed: 'never',
  body_too_large: 'never',
  unsupported_media_type: 'never',
  misdirected_request: 'never',
  too_many_requests: 'later',
  server_error: 'later',
  temporarily_unavailable: 'later',
  discovery_failed: 'later',
  challenge_refused: 'never',
  challenge_unmet: 'never',
  interaction_required: 'after-approval',
  interaction_denied: 'ask-person-again',
  interaction_timeout: 'ask-person-again',
  interaction_failed: 'ask-person-again',
  redirect_refused: 'never',
  response_invalid: 'never',
  configuration_invalid: 'never',
};

/** For the codes that only an agent's own code sees; of the others the same code may come from several parties. */
const REFUSED_BY: { readonly [code in ErrorCode]?: RefusedBy } = {
  challenge_refused: 'agent',
  challenge_unmet: 'resource',
  interaction_denied: 'person',
  interaction_timeout: 'person',
  redirect_refused: 'agent',
  response_invalid: 'agent',
  configuration_invalid: 'agent',
};

/** What a code says about trying again when the place that throws knows no better. */
export function retryAdvice(code: ErrorCode): Retry {
  return RETRY[code];
}

/** Who refuses with that code, when the code alone says so. */
export function refuserOf(code: ErrorCode): RefusedBy | undefined {
  return REFUSED_BY[code];
}
