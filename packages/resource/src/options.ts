import type { SignatureVerifier, Wire } from '@countersign/httpsig';
import type {
  Clock,
  Discovery,
  KeySet,
  OnRefused,
  Random,
  ReplayStore,
  TokenOpener,
  TrustRoots,
} from '@countersign/protocol';
import type { AgentList } from './agent-list.js';
import type { TokenRequest } from './decide.js';
import type { RateLimitStore } from './rate-limits/rate-limit-store.js';
import type { NamedDocument } from './request-document.js';

export interface ResourceOptions {
  /** The resource's server identifier, an https origin: the audience of its tokens and the authority of its requests. */
  readonly id: string;
  /** Keys that sign resource tokens. */
  readonly keys: KeySet;
  /**
   * The auth servers whose tokens are accepted, at least one. Challenges name the first unless `chooseAuthServer`
   * says otherwise.
   */
  readonly authServers: readonly [string, ...string[]];
  /** Every scope of this resource with the sentence a person reads when asked to grant it. */
  readonly scopes: Readonly<Record<string, string>>;
  /**
   * Where accepted requests are remembered, so that none is accepted twice: `sqliteReplayStore(file)` from
   * `@countersign/resource/sqlite`, `postgresReplayStore(pool)` from `/postgres`, or `memoryReplayStore({ clock })`
   * for a single small server.
   */
  readonly replay: ReplayStore;
  /**
   * Where requests to routes with limits are counted; required for such routes: `memoryRateLimitStore()` for a single
   * server, `postgresRateLimitStore(pool)` from `@countersign/resource/postgres` for several.
   */
  readonly rateLimits?: RateLimitStore;
  /**
   * Which agents are let in at every route, and given resource tokens; a route's own list narrows it further. Default:
   * every agent. An allow list rules out routes that take bare keys or unsigned requests.
   */
  readonly agents?: AgentList;
  /** Refuse requests with unsafe methods that carry no `Nonce`. Default `false`, for agents that send none. */
  readonly requireNonce?: boolean;
  /** A name for people, shown beside the host. */
  readonly name?: string;
  /** Which of `authServers` a challenge names. */
  readonly chooseAuthServer?: (request: TokenRequest) => string;
  /**
   * Auth Request Documents (PROTOCOL section 5.9) with addresses of their own, by name: `/aauth/auth-request/NAME`. Routes
   * ask with them, and agents may name them at the resource token endpoint.
   */
  readonly documents?: Readonly<Record<string, NamedDocument>>;
  /**
   * Opens auth tokens encrypted to this resource, from `loadTokenOpener`; without it they are refused. Its public key is
   * published in every document that does not say `encrypted: false`.
   */
  readonly tokenOpener?: TokenOpener;
  /** Default: a guarded discovery with its own cache. */
  readonly discovery?: Discovery;
  /** Further canonical authorities (`host` or `host:port`) beside the identifier's own. */
  readonly authorities?: readonly string[];
  /**
   * The CAs whose leaves identify agents by `scheme=x509`, from `loadTrustRoots`; without any that scheme is refused.
   * Revocation is not checked.
   */
  readonly x509Roots?: TrustRoots;
  /** Default `rfc9421` and `2026-02`. `2026-01` lets captured requests be replayed and must be named. */
  readonly acceptWire?: readonly Wire[];
  /**
   * Replaces the platform's verification of request and token signatures: `sodiumVerifier()` from `@countersign/httpsig/sodium`
   * takes half the time.
   */
  readonly verifySignature?: SignatureVerifier;
  /** Seconds that a signature's `created` may lie from now; default 60. */
  readonly windowSeconds?: number;
  /** Seconds of allowance for token times and `expires`; default 10, at most 60. */
  readonly skewSeconds?: number;
  /** The longest time to `exp` accepted of an auth token, in seconds; default 24 hours. */
  readonly maxAuthTokenSeconds?: number;
  /** The longest body of a guarded request, in bytes; default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Accept plain http for loopback identifiers. For development. */
  readonly insecureLoopback?: boolean;
  /** Told of every request that was refused or challenged: the reason is here and never in the answer. */
  readonly onRefused?: OnRefused;
  readonly clock?: Clock;
  readonly random?: Random;
}
