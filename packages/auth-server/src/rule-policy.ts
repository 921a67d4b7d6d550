import { type IdentifierOptions, scopeCovers } from '@countersign/protocol';
import type { ExchangeDecision, ExchangeRequest } from './exchange-policy.js';
import type { AccessRequest, Policy, PolicyDecision } from './policy.js';
import {
  type AccessRule,
  type ExchangeRule,
  otherwiseOf,
  type PolicyRules,
  readPolicyRules,
} from './policy-rules.js';

export interface RulePolicyOptions extends IdentifierOptions {
  /** What becomes of a request for access that no rule fits. An exchange that no rule fits is always denied. */
  readonly otherwise: 'ask-person' | 'deny';
}

/**
 * A policy of rules. In each list the first rule that fits decides, so that a narrow rule stands before a wide one.
 *
 * - A rule that grants fits a request for access, never a sign-in, whose scopes are all among the rule's; one that asks
 *   for something in particular (RFC 9396), when it says `acceptDetails` too.
 * - A rule that denies or asks a person fits a request with any of the rule's scopes, or any at all if it names none:
 *   asking for one more scope does not get around it.
 * - An exchange rule fits when caller, audience and auth server are the rule's and all scopes are among its scopes; for
 *   a token that was approved for something in particular, when it says `acceptDetails` too.
 *
 * The rules are checked at once as `readPolicyRules` does: throws `AAuthError` `configuration_invalid`.
 */
export function rulePolicy(rules: PolicyRules, options: RulePolicyOptions): Policy {
  const { access, exchange } = readPolicyRules(rules, options);
  const otherwise = otherwiseOf(options.otherwise);
  const decide = (request: AccessRequest): PolicyDecision => {
    const index = access.findIndex((one) => fitsAccess(one, request));
    const rule = access[index];
    if (rule === undefined) return { decision: otherwise, rule: 'otherwise' };
    return { decision: rule.decision, rule: rule.name ?? `access[${index}]` };
  };
  return Object.assign(decide, {
    exchange: (request: ExchangeRequest): ExchangeDecision => {
      const index = exchange.findIndex((one) => fitsExchange(one, request));
      const rule = exchange[index];
      if (rule === undefined) return { decision: 'deny', rule: 'no rule' };
      const { name = `exchange[${index}]`, carrySubject = false } = rule;
      return { decision: 'grant', carrySubject, rule: name };
    },
  });
}

function fitsAccess(rule: AccessRule, request: AccessRequest): boolean {
  const { agent, delegate, audience, scopes, decision } = rule;
  if (agent !== '*' && agent !== request.agent) return false;
  if (delegate !== undefined && (delegate ?? undefined) !== request.delegate) return false;
  if (audience !== '*' && audience !== request.audience) return false;
  if (decision === 'grant') {
    // Scope names say nothing of what is asked for in particular: nobody has seen it.
    if (request.authorizationDetails !== undefined && rule.acceptDetails !== true) return false;
    return request.kind === 'access' && onlyAsksFor(request.scopes, scopes ?? []);
  }
  return scopes === undefined || request.scopes.some((name) => scopes.includes(name));
}

function fitsExchange(rule: ExchangeRule, { caller, audience, scopes, upstream }: ExchangeRequest) {
  const issuer = rule.trustedIssuer;
  return (
    rule.caller === caller &&
    rule.audience === audience &&
    (upstream.foreign ? issuer === upstream.issuer : issuer === undefined) &&
    (upstream.authorizationDetails === undefined || rule.acceptDetails === true) &&
    onlyAsksFor(scopes, rule.scopes)
  );
}

/** A request that names no scope is covered by every list, and allowed by none. */
function onlyAsksFor(asked: readonly string[], allowed: readonly string[]): boolean {
  return asked.length > 0 && scopeCovers(allowed, asked);
}
