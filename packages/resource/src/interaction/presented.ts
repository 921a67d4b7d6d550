import { type InteractionCaller, isSameCaller } from './interaction-caller.js';
import type { CodeRecord } from './records.js';

/** What is to be done with a code that was presented, as data. */
export type CodeDecision = { readonly kind: 'redeem' } | { readonly kind: 'leave'; rule: string };

/**
 * Weighs a code against the request that carries it (PROTOCOL section 5.11). Pure. A code of another caller, or for
 * something else, is left where it is: trying it does not spend it for the one whose it is.
 */
export function decideCode(
  code: CodeRecord | undefined,
  caller: InteractionCaller,
  connection: string,
): CodeDecision {
  if (code === undefined) return { kind: 'leave', rule: 'interaction_code_unknown' };
  if (!isSameCaller(code.caller, caller)) {
    return { kind: 'leave', rule: 'interaction_code_caller' };
  }
  if (code.connection !== connection) {
    return { kind: 'leave', rule: 'interaction_code_connection' };
  }
  return { kind: 'redeem' };
}
