import type { Actor, AuthorizationDetail, ServerIdentifier } from '@countersign/protocol';

/** A token that a resource was called with and wants to exchange, as policy sees it: everything has been verified. */
export interface UpstreamAccess {
  /** The auth server that issued it: this one, or one that it trusts. */
  readonly issuer: ServerIdentifier;
  /** True when another auth server issued it. */
  readonly foreign: boolean;
  readonly agent: ServerIdentifier;
  readonly delegate: string | undefined;
  /** The person, by `issuer`'s name for them. */
  readonly subject: string | undefined;
  readonly scopes: readonly string[];
  /**
   * Present when what was approved was limited to this in particular (RFC 9396); empty when it cannot be read. The new
   * token has no such limit: granting lets the caller do more than was approved, unless the caller holds to it.
   */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Who acted before `agent`, the most recent first. */
  readonly actors: readonly Actor[];
}

/** What a resource asks for that calls another with a token it was called with (PROTOCOL section 5.8). */
export interface ExchangeRequest {
  /** The resource that calls. */
  readonly caller: ServerIdentifier;
  /** The resource that is called. */
  readonly audience: ServerIdentifier;
  /** What the called resource asks for, in its own names. */
  readonly scopes: readonly string[];
  readonly upstream: UpstreamAccess;
}

/** `rule` as in a `PolicyDecision`. */
export type ExchangeDecision = { readonly rule?: string } & (
  | {
      readonly decision: 'grant';
      /**
       * For a foreign upstream token: whether its `sub`, and those of the actors before it, go into the new token.
       * Default `false`. What this server issued itself keeps its `sub` always.
       */
      readonly carrySubject?: boolean;
    }
  | { readonly decision: 'deny' }
);

/** Decides on an exchange. Nobody is ever asked: the person is not there. */
export type ExchangePolicy = (
  request: ExchangeRequest,
) => ExchangeDecision | Promise<ExchangeDecision>;
