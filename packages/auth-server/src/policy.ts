import {
  type AuthorizationDetail,
  scopeCovers,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { ExchangePolicy } from './exchange-policy.js';

/** What an agent asks for, as policy sees it: everything in it has been verified. */
export interface AccessRequest {
  /** `access`: to a resource. `sign-in`: to the agent itself, with the person's identity (PROTOCOL section 5.6). */
  readonly kind: 'access' | 'sign-in';
  readonly agent: ServerIdentifier;
  readonly delegate: string | undefined;
  /** The resource, or the agent itself for a sign-in. */
  readonly audience: ServerIdentifier;
  readonly scopes: readonly string[];
  /**
   * What exactly is asked for (RFC 9396), from an Auth Request Document; absent without. A grant grants them too: a function
   * that looks at scopes alone grants whatever details come with them.
   */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Unix seconds at which the document ends everything granted. */
  readonly endsAt?: number;
}

/** `rule` says which rule decided, in at most 128 characters, for the audit trail. */
export type PolicyDecision = { readonly rule?: string } &
  /** A person must decide. */
  (
    | { readonly decision: 'ask-person' }
    /** Granted without a person; the token has no `sub` (PROTOCOL section 5.5). A sign-in cannot be granted so. */
    | { readonly decision: 'grant' }
    | { readonly decision: 'deny' }
  );

const MAX_RULE_LENGTH = 128;

/** What a policy says of its rule, whatever a function of somebody else returns. */
export function ruleOf({ rule }: { readonly rule?: unknown }): string | undefined {
  return typeof rule === 'string' && rule !== '' ? rule.slice(0, MAX_RULE_LENGTH) : undefined;
}

/** Decides what becomes of a request before any person is asked. An error thrown is answered as a fault of the server. */
export interface Policy {
  (request: AccessRequest): PolicyDecision | Promise<PolicyDecision>;
  /** Decides on exchanges (PROTOCOL section 5.8). Without it every one is denied: a plain function grants none. */
  readonly exchange?: ExchangePolicy;
}

/** Asks a person about every request. Exchanges are denied. */
export const alwaysAskPerson: Policy = () => ({
  decision: 'ask-person',
  rule: 'always-ask-person',
});

/**
 * Grants access to whoever asks and asks a person only to sign in; exchanges any token for one whose scopes have the
 * same names, without the `sub` of a foreign one, unless it was approved for something in particular. For demonstrations and closed networks: names belong to the resource
 * that defines them, and equal ones at two resources prove nothing.
 */
export const neverAskPerson: Policy = Object.assign(
  ({ kind }: AccessRequest): PolicyDecision => ({
    decision: kind === 'sign-in' ? 'ask-person' : 'grant',
    rule: 'never-ask-person',
  }),
  {
    exchange: (({ scopes, upstream }) => {
      const limited = upstream.authorizationDetails !== undefined;
      const covered = !limited && scopeCovers(upstream.scopes, scopes);
      return { decision: covered ? 'grant' : 'deny', rule: 'never-ask-person' };
    }) satisfies ExchangePolicy,
  },
);
