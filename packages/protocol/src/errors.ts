import { type RefusedBy, refuserOf, type Retry, retryAdvice } from './refusal-meaning.js';

/**
 * What went wrong, as a stable name; one closed union for all parties. How a code is spelled on the wire
 * belongs to the generation of the wire (`exploratory/error-response.ts`).
 */
export type ErrorCode =
  // A request that cannot be understood or carried out as sent.
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_resource_token'
  | 'unsupported_request_type'
  // Proof of who is asking.
  | 'invalid_signature'
  | 'invalid_token'
  // Understood and refused.
  | 'access_denied'
  | 'insufficient_scope'
  // Plain HTTP.
  | 'not_found'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'misdirected_request'
  | 'too_many_requests'
  | 'server_error'
  | 'temporarily_unavailable'
  // Another server could not be asked, or answered something that cannot be used.
  | 'discovery_failed'
  // Seen by an agent's own code.
  | 'challenge_refused'
  | 'challenge_unmet'
  | 'interaction_required'
  | 'interaction_denied'
  | 'interaction_timeout'
  | 'interaction_failed'
  | 'redirect_refused'
  | 'response_invalid'
  // A setting or an argument given by the program itself.
  | 'configuration_invalid';

export interface ErrorOptions {
  /** For the log only: what exactly was wrong. Never put a token, code, password or key in it. */
  readonly detail?: string;
  /** For the log only. */
  readonly cause?: unknown;
  /** A stable name of the rule that was broken, for the log and for `inspect`. */
  readonly rule?: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
  /** What would be accepted instead. */
  readonly accepted?: readonly string[];
  /** Who said no. Default by the code: see {@link AAuthError.refusedBy}. */
  readonly refusedBy?: RefusedBy;
  /** Whether trying again makes sense. Default by the code: see {@link AAuthError.retry}. */
  readonly retry?: Retry;
}

/**
 * What strangers are answered all the time. Made without a stack, which takes 6 µs here and says nothing that `rule` does
 * not: whoever forges should not cost more than whoever signs.
 */
const ANSWERS: ReadonlySet<ErrorCode> = new Set(['invalid_signature', 'invalid_token']);

/**
 * The one error of all packages above the signature layer. `message` is fixed public text that says what to fix and
 * is safe to send to a stranger; `detail` and `cause` go to the log and never onto the wire.
 */
export class AAuthError extends Error {
  override readonly name = 'AAuthError';
  readonly code: ErrorCode;
  readonly rule: string | undefined;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly accepted: readonly string[] | undefined;
  /**
   * Who said no, as an agent sees it; `undefined` when nobody did: nobody could be asked, a person has yet to decide, or
   * the error was made by a server, which is itself the one that refuses.
   */
  readonly refusedBy: RefusedBy | undefined;
  /** Whether the same call may be made again, and when. Meant for the agent that made it. */
  readonly retry: Retry;
  /** Set when a server has reported the refusal: the same in its log and in its answer, and nowhere else. */
  requestId: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    if (ANSWERS.has(code)) Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.rule = options.rule;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.accepted = options.accepted;
    this.refusedBy = options.refusedBy ?? refuserOf(code);
    this.retry = options.retry ?? retryAdvice(code);
  }
}

/** True when `error` is an {@link AAuthError}, with that code when one is given. */
export function isAAuthError(error: unknown, code?: ErrorCode): error is AAuthError {
  return error instanceof AAuthError && (code === undefined || error.code === code);
}
