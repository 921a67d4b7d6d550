import {
  AAuthError,
  type IdentifierOptions,
  isJsonObject,
  isServerIdentifier,
  type JsonObject,
  parseScope,
} from '@countersign/protocol';

/** What an agent may have without a person, never, or only with one. */
export interface AccessRule {
  /** What the audit trail calls it, 1 to 64 characters; by default its place, as `access[0]`. */
  readonly name?: string;
  /** The agent's identifier; `*` is any agent, except in a rule that grants. */
  readonly agent: string;
  /** A delegate's `sub`; `null` is the agent's own key only. Left out, the rule is for the agent with all its delegates. */
  readonly delegate?: string | null;
  /** The resource (for a sign-in the agent itself); `*` is any, except in a rule that grants. */
  readonly audience: string;
  /**
   * Scope names. A rule that grants is for requests that ask for nothing but these; one that denies or asks a person
   * is for requests that ask for any of them, or for anything when this is left out.
   */
  readonly scopes?: readonly string[];
  /**
   * In a rule that grants: it grants whatever a document of the resource asks for in particular (RFC 9396) too, such as
   * one payment. Default `false`: such requests are left to the rules behind it. The others are for them always.
   */
  readonly acceptDetails?: boolean;
  readonly decision: 'grant' | 'deny' | 'ask-person';
}

/** Which resource may call which other with a token it was called with, and for what (PROTOCOL section 5.8). */
export interface ExchangeRule {
  /** As in an {@link AccessRule}. */
  readonly name?: string;
  /** The resource that calls. */
  readonly caller: string;
  /** The resource that is called. */
  readonly audience: string;
  /** What may be asked for, in the names of the resource that is called. */
  readonly scopes: readonly string[];
  /** The rule is for tokens of this other auth server. Left out, it is for this server's own tokens. */
  readonly trustedIssuer?: string;
  /** With `trustedIssuer`: its `sub` goes into the new token. Default `false`. */
  readonly carrySubject?: boolean;
  /**
   * The rule is also for tokens whose approval was limited by details (RFC 9396), as for one payment: the new token has
   * no such limit, and the caller is trusted to hold to it. Default `false`.
   */
  readonly acceptDetails?: boolean;
}

/** The rules of a {@link rulePolicy}; in each list the first that fits decides. */
export interface PolicyRules {
  readonly access?: readonly AccessRule[];
  readonly exchange?: readonly ExchangeRule[];
}

const MAX_RULES = 10_000;
const DECISIONS: readonly unknown[] = ['grant', 'deny', 'ask-person'];

/** Refuses a setting: where it stands and what is allowed there. What stands there is not repeated. */
function refuse(where: string, allowed: string): never {
  throw new AAuthError('configuration_invalid', `Policy: ${where} ${allowed}.`, {
    rule: 'policy_rules_invalid',
  });
}

function membersOf(value: unknown, where: string, known: readonly string[]): JsonObject {
  if (!isJsonObject(value)) refuse(where, `must be an object with the members ${known.join(', ')}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const shown = /^[\w-]{1,40}$/.test(unknown) ? `"${unknown}"` : 'one';
    refuse(where, `has an unknown member ${shown}; it may have ${known.join(', ')}`);
  }
  return value;
}

function rulesOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_RULES) {
    refuse(name, `must be a list of at most ${MAX_RULES} rules`);
  }
  return value;
}

function identifierOf(value: unknown, where: string, options: IdentifierOptions): string {
  if (typeof value === 'string' && isServerIdentifier(value, options)) return value;
  const loopback =
    typeof value === 'string' && isServerIdentifier(value, { insecureLoopback: true });
  return refuse(
    where,
    loopback
      ? 'is plain http, which is for loopback in development only; use an https origin'
      : 'must be a server identifier: an https origin such as https://api.example, lower-case, without path or trailing slash',
  );
}

function scopesOf(value: unknown, where: string): readonly string[] {
  const names: readonly unknown[] = Array.isArray(value) ? value : [];
  const usable = names.length > 0 && names.every((name) => parseScope(name)?.length === 1);
  if (!usable || new Set(names).size !== names.length) {
    refuse(where, 'must be a list of scope names, at least one, each one word and once');
  }
  return names as readonly string[];
}

function nameOf(name: unknown, where: string): { readonly name?: string } {
  if (name === undefined) return {};
  if (typeof name === 'string' && /^[\w.:-](?:[\w .:-]{0,62}[\w.:-])?$/.test(name)) return { name };
  return refuse(
    `${where}.name`,
    'must be 1 to 64 letters, digits, spaces, dots, colons, hyphens and underscores',
  );
}

function accessRuleOf(value: unknown, where: string, options: IdentifierOptions): AccessRule {
  const known = ['name', 'agent', 'delegate', 'audience', 'scopes', 'acceptDetails', 'decision'];
  const members = membersOf(value, where, known);
  const { agent, delegate, audience, scopes, acceptDetails, decision } = members;
  if (!DECISIONS.includes(decision)) {
    refuse(`${where}.decision`, 'must be "grant", "deny" or "ask-person"');
  }
  const grants = decision === 'grant';
  const party = (party: unknown, name: string): string => {
    if (party !== '*') return identifierOf(party, `${where}.${name}`, options);
    if (!grants) return '*';
    return refuse(`${where}.${name}`, 'must be named in a rule that grants; "*" is for the others');
  };
  const isDelegate =
    delegate === undefined ||
    delegate === null ||
    (typeof delegate === 'string' && delegate !== '' && delegate.length <= 2048);
  if (!isDelegate) {
    refuse(`${where}.delegate`, 'must be the sub of a delegate, or null for the agent itself');
  }
  if (acceptDetails !== undefined && (typeof acceptDetails !== 'boolean' || !grants)) {
    refuse(`${where}.acceptDetails`, 'must be true or false, in a rule that grants');
  }
  if (grants && scopes === undefined) {
    refuse(`${where}.scopes`, 'must be given in a rule that grants: the scope names, at least one');
  }
  return {
    ...nameOf(members['name'], where),
    agent: party(agent, 'agent'),
    ...(delegate === undefined ? {} : { delegate }),
    audience: party(audience, 'audience'),
    ...(scopes === undefined ? {} : { scopes: scopesOf(scopes, `${where}.scopes`) }),
    ...(acceptDetails === undefined ? {} : { acceptDetails }),
    decision: decision as AccessRule['decision'],
  };
}

function exchangeRuleOf(value: unknown, where: string, options: IdentifierOptions): ExchangeRule {
  const known = [
    'name',
    'caller',
    'audience',
    'scopes',
    'trustedIssuer',
    'carrySubject',
    'acceptDetails',
  ];
  const members = membersOf(value, where, known);
  const { caller, audience, scopes, trustedIssuer, carrySubject, acceptDetails } = members;
  if (acceptDetails !== undefined && typeof acceptDetails !== 'boolean') {
    refuse(`${where}.acceptDetails`, 'must be true or false');
  }
  if (carrySubject !== undefined && typeof carrySubject !== 'boolean') {
    refuse(`${where}.carrySubject`, 'must be true or false');
  }
  if (carrySubject !== undefined && trustedIssuer === undefined) {
    refuse(
      `${where}.carrySubject`,
      'is for a rule with trustedIssuer; tokens of this server keep their sub always',
    );
  }
  return {
    ...nameOf(members['name'], where),
    caller: identifierOf(caller, `${where}.caller`, options),
    audience: identifierOf(audience, `${where}.audience`, options),
    scopes: scopesOf(scopes, `${where}.scopes`),
    ...(trustedIssuer === undefined
      ? {}
      : { trustedIssuer: identifierOf(trustedIssuer, `${where}.trustedIssuer`, options) }),
    ...(carrySubject === undefined ? {} : { carrySubject }),
    ...(acceptDetails === undefined ? {} : { acceptDetails }),
  };
}

/**
 * Checks rules that were written by hand, strictly: no unknown member, every identifier and scope name well-formed.
 * `insecureLoopback` allows plain http for loopback identifiers; default `false`.
 * Throws `AAuthError` `configuration_invalid`, which names the rule by its list and index (from 0), the member, and what
 * is allowed there. Does not look anything up: whether the parties exist is not checked.
 */
export function readPolicyRules(
  value: unknown,
  options: IdentifierOptions = {},
): Required<PolicyRules> {
  const { access, exchange } = membersOf(value, 'the top level', ['access', 'exchange']);
  return {
    access: rulesOf(access, 'access').map((rule, index) =>
      accessRuleOf(rule, `access[${index}]`, options),
    ),
    exchange: rulesOf(exchange, 'exchange').map((rule, index) =>
      exchangeRuleOf(rule, `exchange[${index}]`, options),
    ),
  };
}

/** A policy file: the rules, and what becomes of requests for access that none of them fits. */
export interface PolicyFile {
  readonly rules: Required<PolicyRules>;
  readonly otherwise: 'ask-person' | 'deny';
}

/**
 * Checks the content of a policy file, a JSON object with the members `otherwise` (required), `access` and `exchange`.
 * Throws as {@link readPolicyRules} does.
 */
export function readPolicyFile(value: unknown, options: IdentifierOptions = {}): PolicyFile {
  const { otherwise, ...rules } = membersOf(value, 'the top level', [
    'otherwise',
    'access',
    'exchange',
  ]);
  return { rules: readPolicyRules(rules, options), otherwise: otherwiseOf(otherwise) };
}

/** What becomes of requests that no rule fits. Throws `configuration_invalid` for anything but the two. */
export function otherwiseOf(value: unknown): PolicyFile['otherwise'] {
  if (value === 'ask-person' || value === 'deny') return value;
  return refuse('otherwise', 'must be "ask-person" or "deny"');
}
