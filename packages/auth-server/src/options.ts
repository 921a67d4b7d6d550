import type { AlgorithmName, SignatureVerifier, Wire } from '@countersign/httpsig';
import type { Clock, Discovery, OnRefused, Random, TrustRoots } from '@countersign/protocol';
import type { Observer } from './observability/index.js';
import type { LimitName, Limits } from './limits/index.js';
import type { Policy } from './policy.js';
import type { Storage } from './storage/index.js';

export interface AuthServerOptions {
  /** The server's identifier, an https origin. Bound to the database at first start. */
  readonly issuer: string;
  readonly storage: Storage;
  /** What is granted, what is denied, and when a person is asked. */
  readonly policy: Policy;
  /**
   * What the policy is called, such as a hash of its rules or a tag of the code that it is: 1 to 200 printable characters.
   * When a server starts with another one than before, the audit trail has it, so that the rules which decisions name can be
   * found. Default: nothing is recorded.
   */
  readonly policyVersion?: string;
  /**
   * Other auth servers whose tokens may be exchanged here, where a rule of the policy says so (PROTOCOL section 5.8).
   * Nothing is ever fetched about any other. Default none.
   */
  readonly trustedIssuers?: readonly string[];
  /** The longest chain of actors in a token that was exchanged, 1 to 16; default 5. */
  readonly maxActors?: number;
  /** Default: a guarded discovery with its own cache. */
  readonly discovery?: Discovery;
  /**
   * The CAs whose leaves identify agents by `scheme=x509`, from `loadTrustRoots`; without any that scheme is refused.
   * Revocation is not checked.
   */
  readonly x509Roots?: TrustRoots;
  /**
   * Replaces the platform's verification of request and token signatures: `sodiumVerifier()` from
   * `@countersign/httpsig/sodium` takes half the time for Ed25519.
   */
  readonly verifySignature?: SignatureVerifier;
  /** Default `rfc9421` and `2026-02`. `2026-01` lets captured requests be replayed and must be named. */
  readonly acceptWire?: readonly Wire[];
  /** Let an agent that publishes no `redirect_uris` be redirected to on its own origin (PROTOCOL section 5.1). */
  readonly sameOriginRedirects?: boolean;
  /** Accept plain http for loopback identifiers. For development. */
  readonly insecureLoopback?: boolean;
  /** Undecided requests that one agent may have at a time; default 1,000. */
  readonly maxPendingPerAgent?: number;
  /** How much is taken within a minute or an hour; see {@link Limits} for the defaults. */
  readonly limits?: Partial<Limits>;
  /** Limits that do not apply at all: for measurements, and where something in front limits. Default none. */
  readonly withoutLimits?: readonly LimitName[];
  /** Seconds that a signature's `created` may lie from now; default 60. */
  readonly windowSeconds?: number;
  /** Seconds of allowance for token times and `expires`; default 10, at most 60. */
  readonly skewSeconds?: number;
  /** Refuse token requests without a `Nonce`. Default `false`, for agents that send none. */
  readonly requireNonce?: boolean;
  readonly lifetimes?: Partial<Lifetimes>;
  /** `kid` of a signing key that is made at first start; default its thumbprint. */
  readonly signingKeyId?: string;
  /** Of a signing key that is made at first start; default `ed25519`. Later ones: `rotateSigningKey`. */
  readonly signingAlgorithm?: AlgorithmName;
  /**
   * Encrypts the signing keys at rest: 32 random bytes, base64url without padding. Keys that are stored plain, or with a
   * previous one, are encrypted with it when the server starts. Without it they are stored as they are; with keys that are
   * encrypted and cannot be opened, `createAuthServer` throws `configuration_invalid` and changes nothing.
   */
  readonly keyEncryptionKey?: string;
  /** Earlier key-encryption keys, until every stored key has been encrypted with the present one. */
  readonly previousKeyEncryptionKeys?: readonly string[];
  /** Told of every request that was refused: the reason is here and never in the answer. */
  readonly onRefused?: OnRefused;
  /**
   * Told of everything that happens, for logs, metrics and spans. Give its `onEvent` to `openStorage` too, to hear of
   * the database. Look-ups are told of where `discovery` is not given.
   */
  readonly observer?: Observer;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How long things live, in whole seconds. Others are refused with `configuration_invalid`. */
export interface Lifetimes {
  /** An auth token: one hour; at most a day, which is the longest that resources take. */
  readonly authToken: number;
  /** A request token: ten minutes; at most a day. */
  readonly requestToken: number;
  /** A code: one minute; at most ten. */
  readonly code: number;
  /** A signed-in session: twelve hours; at most 366 days. */
  readonly session: number;
  /** A refresh token nobody uses: thirty days; at most ten years. */
  readonly refreshIdle: number;
  /** A refresh token in all: ninety days; at most ten years. */
  readonly refreshAbsolute: number;
}

export const DEFAULT_LIFETIMES: Lifetimes = {
  authToken: 3600,
  requestToken: 600,
  code: 60,
  session: 12 * 3600,
  refreshIdle: 30 * 86_400,
  refreshAbsolute: 90 * 86_400,
};
