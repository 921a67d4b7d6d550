import type { AAuthError, ErrorCode } from '../errors.js';
import { asResponse, type TextAnswer } from '../text-answer.js';
import { type Challenge, serializeChallenge } from './agent-auth-challenge.js';

interface Spelling {
  readonly status: number;
  readonly error: string;
}

/** How each error is written on the exploratory wire (PROTOCOL section 7). */
const spellings: Record<ErrorCode, Spelling> = {
  invalid_request: { status: 400, error: 'invalid_request' },
  invalid_grant: { status: 400, error: 'invalid_grant' },
  invalid_scope: { status: 400, error: 'invalid_scope' },
  invalid_resource_token: { status: 400, error: 'invalid_resource_token' },
  unsupported_request_type: { status: 400, error: 'unsupported_request_type' },
  invalid_signature: { status: 401, error: 'invalid_signature' },
  invalid_token: { status: 401, error: 'invalid_token' },
  access_denied: { status: 403, error: 'access_denied' },
  insufficient_scope: { status: 403, error: 'insufficient_scope' },
  not_found: { status: 404, error: 'invalid_request' },
  method_not_allowed: { status: 405, error: 'invalid_request' },
  body_too_large: { status: 413, error: 'invalid_request' },
  unsupported_media_type: { status: 415, error: 'invalid_request' },
  misdirected_request: { status: 421, error: 'invalid_request' },
  too_many_requests: { status: 429, error: 'temporarily_unavailable' },
  server_error: { status: 500, error: 'server_error' },
  temporarily_unavailable: { status: 503, error: 'temporarily_unavailable' },
  // A host that the request named: one and the same answer, whatever is wrong with it.
  discovery_failed: { status: 401, error: 'invalid_signature' },
  // Codes of an agent's own side. Reaching the wire they are a fault of the program that let them.
  challenge_refused: { status: 500, error: 'server_error' },
  challenge_unmet: { status: 500, error: 'server_error' },
  interaction_required: { status: 500, error: 'server_error' },
  interaction_denied: { status: 500, error: 'server_error' },
  interaction_timeout: { status: 500, error: 'server_error' },
  interaction_failed: { status: 500, error: 'server_error' },
  redirect_refused: { status: 500, error: 'server_error' },
  response_invalid: { status: 500, error: 'server_error' },
  configuration_invalid: { status: 500, error: 'server_error' },
};

const INTERNAL = 'The server made a mistake; it has been logged.';

/** The status and error name that `code` has on this wire. */
export function errorSpelling(code: ErrorCode): Spelling {
  return spellings[code];
}

/**
 * The answer to a refused request: status, `{"error","error_description"}`, `Cache-Control: no-store`, the
 * `Agent-Auth` challenge, `Retry-After` and the request id when there are. Only the error's public text is used, and for our own
 * faults (500) not even that.
 */
export function errorAnswer(error: AAuthError, challenge?: Challenge): TextAnswer {
  const { status, error: name } = spellings[error.code];
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
  };
  if (challenge !== undefined) headers['Agent-Auth'] = serializeChallenge(challenge);
  if (error.requestId !== undefined) headers['X-Request-Id'] = error.requestId;
  const wait = error.retryAfterSeconds ?? (status === 503 || status === 429 ? 10 : undefined);
  if (wait !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(wait)));
  const description = status === 500 ? INTERNAL : error.message;
  const text = JSON.stringify({ error: name, error_description: description });
  return { status, headers, text };
}

/** {@link errorAnswer} as a Fetch `Response`. */
export function errorResponse(error: AAuthError, challenge?: Challenge): Response {
  return asResponse(errorAnswer(error, challenge));
}
