import type { PublicJwk } from '@countersign/httpsig';
import type { OnRefused, ReplayStore, ServerIdentifier } from '@countersign/protocol';

/** A request for an agent token whose signature has been verified: `key` is the delegate's, who is to be found out. */
export interface EnrolmentRequest {
  /** The `sub` that the request claims. */
  readonly delegate: string;
  /** The key that signed the request and that the agent token will be bound to. */
  readonly key: { readonly jwk: PublicJwk; readonly thumbprint: string };
  /** The receivers that the token is asked for; `undefined` for any. */
  readonly audience: readonly ServerIdentifier[] | undefined;
  /** What the request shows as proof: a secret of {@link enrolmentSecrets}, or whatever your authenticator takes. */
  readonly enrolmentSecret: string | undefined;
}

export type EnrolmentVerdict =
  | 'accepted'
  /** Unknown, wrong, expired or revoked; these are answered alike. */
  | 'refused'
  /** The proof is good, and it is another delegate's. */
  | 'other-delegate';

/**
 * Decides whether a request comes from the delegate it names. Only `accepted` issues a token. A thrown `AAuthError` is
 * answered as such; anything else that is thrown means that the decision cannot be made now (503).
 */
export type DelegateAuthenticator = (
  request: EnrolmentRequest,
) => EnrolmentVerdict | Promise<EnrolmentVerdict>;

/** Makes an agent an agent server for delegates (PROTOCOL section 5.7): `handle` then serves `POST /delegate/token`. */
export interface DelegateOptions {
  /** Who is a delegate. There is no default: somebody has to decide it. See {@link enrolmentSecrets}. */
  readonly authenticate: DelegateAuthenticator;
  /**
   * Where requests are remembered, so that none is accepted twice. After a restart it must not have forgotten: see
   * `@countersign/agent/sqlite`. Only requests of delegates fill it, as one identity.
   */
  readonly replay: ReplayStore;
  /** Refuse requests without a nonce. Default `false`; such requests are remembered by what they sign. */
  readonly requireNonce?: boolean;
  /** Canonical authorities when there are more than the identifier's own. */
  readonly authorities?: readonly string[];
  /** Told of every request that is refused, with the reason. */
  readonly onRefused?: OnRefused;
}
