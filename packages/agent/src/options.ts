import type { NodeRequestLike, Wire } from '@countersign/httpsig';
import type { AAuthError, Clock, Discovery, KeySet, Random } from '@countersign/protocol';
import type { Authorize } from './authorize.js';
import type { CallbackOptions, CallbackOutcome } from './callback.js';
import type { Climb } from './climb.js';
import type { DelegateOptions } from './delegates/options.js';
import type { Interaction } from './interaction.js';
import type { Upstream } from './on-behalf-of.js';
import type { SignInOptions, StartSignInOptions } from './sign-in.js';
import type { SignInCallback } from './sign-in-callback.js';
import type { SignedInPerson } from './signed-in-person.js';
import type { AgentStore } from './store.js';

/** Settings of an agent. Only `id`, `keys` and `interaction` are required. */
export interface AgentOptions {
  /**
   * The agent's server identifier: an https origin such as `https://agent.example`. For a delegate, the identifier of
   * the agent server that issued its agent token.
   */
  readonly id: string;
  /**
   * The key that signs and the keys that are published. A delegate passes its own, unpublished key. A function is asked
   * each time, so that keys can be changed while the agent runs: tokens bound to the former key are then renewed.
   */
  readonly keys: KeySet | (() => KeySet);
  /** How a person is asked. There is no default: somebody has to decide it. */
  readonly interaction: Interaction;
  /**
   * How a call begins while there is no auth token. `jwks` (the default) proves the identity `id`; `hwk` sends the bare
   * key, pseudonymously, and proves more only as far as `climb` allows.
   */
  readonly scheme?: 'jwks' | 'hwk';
  /**
   * How much the agent proves when a resource asks for more, by 401, 403 or 429 with a challenge (PROTOCOL section 4):
   * nothing but its key, its identity, or an auth token for which a person may be asked. A challenge for more than that
   * is not answered: that response is the caller's. Default `signature` with `scheme: 'hwk'`, else `authorization`.
   *
   * An agent that begins with its bare key and climbs uses the same key for both: from then on the resource can tell
   * whose earlier requests with that key were. It begins at the level that an origin last asked for, for ten minutes.
   */
  readonly climb?: Climb;
  /**
   * Makes this agent a delegate (PROTOCOL section 5.7): returns its current agent token, which must be bound to
   * `keys.current` and issued by `id`. Called for every request that needs it, so keep the token until it expires.
   * See {@link delegateToken}, which does.
   */
  readonly agentToken?: () => Promise<string>;
  /**
   * Makes this agent an agent server that others may act for (PROTOCOL section 5.7). One that does nothing else has
   * `interaction: { mode: 'none' }`; its callback page shows people the address that a delegate waits for. Default: no
   * delegates.
   */
  readonly delegates?: DelegateOptions;
  /** Where consent ends, one of the agent's published redirect URIs. Default `{id}/callback`. */
  readonly redirectUri?: string;
  /**
   * Further redirect URIs to publish beside {@link redirectUri}: where consent may end for delegates that have a
   * callback of their own. This agent does not serve them.
   */
  readonly otherRedirectUris?: readonly string[];
  /**
   * Auth servers that {@link Agent.onBehalfOf} may show the token it was called with, beside the one that issued it, when
   * a resource names them: they can read for whom this agent was called. Default none.
   */
  readonly exchangeAt?: readonly string[];
  /** Published for the consent page. */
  readonly name?: string;
  readonly homepage?: string;
  readonly policyUri?: string;
  readonly tosUri?: string;
  readonly logoUri?: string;
  /** Where tokens, and flows that a web application started, are kept. Default {@link memoryStore}. */
  readonly store?: AgentStore;
  /** Finds the metadata of auth servers. Default the guarded discovery of `@countersign/protocol`. */
  readonly discovery?: Discovery;
  /** The transport. Default the platform's `fetch`. It is always called with `redirect: 'manual'`. */
  readonly fetch?: typeof fetch;
  /** Unix seconds. Default the machine's clock. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** How signatures are written. Default `rfc9421`. `2026-01` leaves `created` unsigned and sends no nonce. */
  readonly wire?: Wire;
  /** Accept plain `http` for loopback hosts. For development and tests. Default `false`. */
  readonly insecureLoopback?: boolean;
  /**
   * Accept a callback without `state` while exactly one flow is pending, for auth servers that do not return it.
   * Gives up the proof that the answer belongs to the question. Default `false`.
   */
  readonly allowMissingState?: boolean;
  /**
   * On the callback page, show an answer that no flow of this process waits for as an address to copy: the program that
   * waits may be elsewhere, with the same identity. Default: `true` for an https `id` and with `delegates`.
   */
  readonly showAddressToCopy?: boolean;
  /** Follow redirects to other origins: signed anew, without the auth token, `Authorization` or `Cookie`. */
  readonly allowCrossOriginRedirects?: boolean;
  /** The longest request body, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * For a web application that signs people in with {@link Agent.startSignIn}: answers the browser of a person who has
   * signed in, with a new session's cookie and a redirect to `returnTo`. Called by `handle`, once for each sign-in, in
   * the browser that started it. The session must be a new one: what the browser was called before, others may know.
   */
  readonly onSignedIn?: (
    person: SignedInPerson,
    callback: SignInCallback,
  ) => Response | Promise<Response>;
  /**
   * Answers the browser of a sign-in that the person denied (`interaction_denied`) or that came to nothing (any other
   * code). Default: the callback page says so.
   */
  readonly onSignInFailed?: (
    error: AAuthError,
    callback: SignInCallback,
  ) => Response | Promise<Response>;
  /** How long a person may take, in seconds; the auth server may allow less. Default 600. */
  readonly interactionTimeoutSeconds?: number;
}

/** Settings of one person's view of an agent. */
export interface PersonOptions {
  /**
   * Where the person's browser goes after approving, for a web application: a path on the redirect URI's origin, such
   * as `/report?id=7`. Without it the callback page says that the page may be closed.
   */
  readonly returnTo?: string;
}

/** An agent: a `fetch` that signs, answers challenges and asks the person. Its functions may be passed on by themselves. */
export interface Agent {
  /**
   * As the platform's `fetch`, signed. The response is the real one; challenges are answered before it is returned.
   *
   * Rejects with `AAuthError`:
   * - `configuration_invalid`: an address that is neither https nor allowed loopback, or a header that signing owns;
   * - `body_too_large`;
   * - `challenge_refused`: the challenge is not for this agent, key or resource (`rule` says which check failed);
   * - `challenge_unmet`: the resource asks again after two fresh tokens;
   * - `interaction_required` (a web application; see `InteractionRequiredError`), `interaction_denied`,
   *   `interaction_timeout`, `interaction_failed`;
   * - `redirect_refused`: another origin, or more than five redirects;
   * - `discovery_failed`, `response_invalid`, `temporarily_unavailable`, `too_many_requests` and the codes that a token
   *   endpoint names, such as `access_denied`: the auth server could not be asked, or refused.
   *
   * Each says who refused (`refusedBy`) and whether trying again makes sense (`retry`).
   *
   * Rejects as `fetch` does when the resource cannot be reached or `init.signal` is aborted; a call that is aborted leaves
   * alone what others wait for.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Gets access before a resource is called: see {@link Authorize}. */
  readonly authorize: Authorize;
  /**
   * The same agent for one of several people: tokens and flows of different keys never mix.
   * Throws `configuration_invalid` for an empty key, one of more than 512 characters, or a `returnTo` elsewhere.
   */
  readonly for: (personKey: string, options?: PersonOptions) => Pick<Agent, 'fetch' | 'authorize'>;
  /**
   * For a resource that calls another with what it was called with (PROTOCOL section 5.8): `access` is what the
   * resource's guard gave to the handler, and the agent has the resource's identifier and keys. Calls sign as the
   * resource; where a challenge asks for a token, the auth server it names is shown the upstream token and asked to
   * exchange it, if it issued that token or is named in `exchangeAt`. Nobody is asked, and what is got is kept in memory, for this upstream token alone, until that ends.
   *
   * Throws `configuration_invalid` when the access is for another resource or a copy, and for a delegate or an agent
   * whose `climb` stops below `authorization`. Its `fetch` rejects as {@link fetch} does, and with `access_denied` when the auth
   * server's policy has no rule for it, `invalid_token` when the upstream token has expired or been revoked, and
   * `challenge_refused` when the resource wants the person themselves (rule `person_absent`) or names an auth server that may
   * not see the token (rule `exchange_elsewhere`).
   */
  readonly onBehalfOf: (access: Upstream) => Pick<Agent, 'fetch'>;
  /**
   * Signs in the person beside this program (PROTOCOL section 5.6): asks through `interaction`, waits, and returns who it is,
   * verified in full. Calls for the same thing share one flow. The refresh token that comes along is not kept.
   *
   * Rejects with `AAuthError` `configuration_invalid` (no interaction that waits, an agent that shows its bare key only,
   * an auth server or scopes that are none), `interaction_denied`, `interaction_timeout`, `interaction_failed`, `response_invalid` (the token is not a
   * sign-in of that auth server to this agent and key; `rule` says why), `discovery_failed` and what the token endpoint
   * names.
   *
   * Whoever runs the auth server decides whom it vouches for: ask those that you have chosen.
   */
  readonly signIn: (authServer: string, options?: SignInOptions) => Promise<SignedInPerson>;
  /**
   * Starts a sign-in of a web application (PROTOCOL section 5.6). Answer the browser with the 303 that it returns: it
   * sends the person to the auth server, with a cookie that binds the flow to this browser. `handle` takes the answer in
   * that browser only, verifies it in full and calls `onSignedIn`.
   *
   * Call it for a POST of your own page; every call leaves a pending request at the auth server, which takes only so many.
   * Rejects with `AAuthError` `configuration_invalid` (also for a `returnTo` elsewhere, and without `onSignedIn`),
   * `discovery_failed`, `response_invalid`, `too_many_requests`, `temporarily_unavailable` and what the token endpoint
   * names. Whoever runs the auth server decides whom it vouches for: ask those that you have chosen.
   */
  readonly startSignIn: (authServer: string, options?: StartSignInOptions) => Promise<Response>;
  /**
   * Serves the agent's metadata, its JWKS and its callback; `undefined` for any other path. A delegate serves the
   * callback only; an agent server with `delegates` also issues agent tokens. `incoming` is Node's request, where there
   * is one: then the header lines are judged as they came. Looks at the path of the request's address, never at its
   * host. The callback is taken by GET only, and answers 400 for anything that belongs to no pending flow. Rejects only
   * when the store, `onSignedIn` or `onSignInFailed` does.
   */
  readonly handle: (request: Request, incoming?: NodeRequestLike) => Promise<Response | undefined>;
  /**
   * Takes the address that a browser ended on, for a browser on another machine. Makes the same checks as the
   * callback and does not throw: the outcome says what became of it. Nothing has been sent when it is `refused`. A person
   * who has signed in is in the outcome; `onSignedIn` is not called.
   */
  readonly acceptCallback: (url: string, options?: CallbackOptions) => Promise<CallbackOutcome>;
}
