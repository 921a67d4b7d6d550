import type { HttpMessage, NodeRequestLike } from '@countersign/httpsig';
import type { ServerIdentifier } from '@countersign/protocol';
import type { Access, AccessFor, AuthorizedAccess, OpenAccess } from './access.js';
import { bindContext, createContext } from './context.js';
import {
  checkRequest,
  type GuardedHandler,
  guardHandler,
  type GuardResult,
  type OpenHandler,
} from './guard.js';
import type { ResourceOptions } from './options.js';
import type { Outcome } from './outcome.js';
import type { Connection } from './progressive/counters.js';
import { checkProgressive } from './progressive/guard.js';
import type {
  OpenRequirement,
  ProgressiveRequirement,
  ProgressiveRule,
} from './progressive/levels.js';
import type { RateLimitStore } from './rate-limits/rate-limit-store.js';
import {
  type AnyRequirement,
  readProgressiveRequirement,
  readRequirement,
  type Requirement,
  type RouteRequirement,
} from './requirement.js';
import { handleResourceRoutes } from './routes.js';

/** One protected resource: verifies requests, challenges, and publishes what agents and auth servers need. */
export interface Resource {
  readonly id: ServerIdentifier;
  /** Its scopes and the sentences that describe them. */
  readonly scopes: Readonly<Record<string, string>>;
  /**
   * Turns a request into access, a challenge or a refusal. Never throws for anything a stranger sent.
   * `body` is part of `message`: read it first, with a limit.
   */
  verify(message: HttpMessage, requirement: RouteRequirement): Promise<Outcome>;
  /**
   * Guards a Fetch handler: `resource.guard({ scopes: ['data.read'] }, (request, access) => …)`.
   * The handler runs only with access; its request has its body unread.
   */
  guard<R extends RouteRequirement>(
    requirement: R,
    handler: GuardedHandler<AccessFor<R>>,
  ): (request: Request) => Promise<Response>;
  /** Checks a requirement without a request: throws `AAuthError` `configuration_invalid` for an unknown scope. */
  accepts(requirement: RouteRequirement): void;
  /**
   * What `guard` does before its handler runs, for adapters to frameworks: reads the body with the limit, verifies,
   * and returns access with the request to hand on, or the answer to send.
   */
  check(
    requirement: RouteRequirement,
    request: Request,
    incoming?: NodeRequestLike,
  ): Promise<GuardResult>;
  /**
   * Answers `/.well-known/aauth-resource`, `/jwks.json`, the resource token endpoint and the addresses of Auth Request
   * Documents; `undefined` for other paths.
   * `incoming` is Node's request, where there is one.
   */
  handle(request: Request, incoming?: NodeRequestLike): Promise<Response | undefined>;
}

/**
 * A resource that counts: it was made with `rateLimits`, and its routes may have a limit for each level of proof
 * (PROTOCOL section 4). Such routes are told the connection, for its remote address.
 */
export interface ProgressiveResource extends Resource {
  verify(message: HttpMessage, requirement: RouteRequirement): Promise<Outcome>;
  verify(
    message: HttpMessage,
    requirement: ProgressiveRequirement,
    connection: Connection,
  ): Promise<Outcome>;
  /** Access may be `unsigned`. Without `connection` a request that must be counted by its address is answered 500. */
  verify(
    message: HttpMessage,
    requirement: OpenRequirement,
    connection: Connection,
  ): Promise<Outcome<OpenAccess>>;
  guard<R extends RouteRequirement>(
    requirement: R,
    handler: GuardedHandler<AccessFor<R>>,
  ): (request: Request) => Promise<Response>;
  guard(
    requirement: ProgressiveRequirement,
    handler: GuardedHandler,
  ): (request: Request, connection: Connection) => Promise<Response>;
  guard(
    requirement: OpenRequirement,
    handler: OpenHandler,
  ): (request: Request, connection: Connection) => Promise<Response>;
  accepts(requirement: AnyRequirement): void;
  check(
    requirement: RouteRequirement,
    request: Request,
    incoming?: NodeRequestLike,
  ): Promise<GuardResult>;
  /** What `check` does, for routes with limits. */
  checkProgressive(
    requirement: ProgressiveRequirement | OpenRequirement,
    request: Request,
    connection: Connection,
    incoming?: NodeRequestLike,
  ): Promise<GuardResult<OpenAccess>>;
}

/**
 * Makes a resource. Throws `AAuthError` `configuration_invalid` for settings that cannot work, and says which.
 * Does not check that the auth servers exist: they are asked when a token of theirs arrives.
 */
export function createResource(
  options: ResourceOptions & { readonly rateLimits: RateLimitStore },
): ProgressiveResource;
export function createResource(options: ResourceOptions): Resource;
export function createResource(options: ResourceOptions): ProgressiveResource {
  const context = createContext(options);
  const { id, scopes, settings } = context;
  // A route's requirement is one object for all its requests, and a list of agents may be long.
  const rules = new WeakMap<object, Requirement>();
  const requirementOf = (requirement: RouteRequirement): Requirement => {
    if (typeof requirement === 'string') return readRequirement(requirement, settings);
    const rule = rules.get(requirement) ?? readRequirement(requirement, settings);
    rules.set(requirement, rule);
    return rule;
  };
  const progressiveRules = new WeakMap<object, ProgressiveRule>();
  const progressiveRuleOf = (
    requirement: ProgressiveRequirement | OpenRequirement,
  ): ProgressiveRule => {
    const rule =
      progressiveRules.get(requirement) ?? readProgressiveRequirement(requirement, settings);
    progressiveRules.set(requirement, rule);
    return rule;
  };
  const check: ProgressiveResource['check'] = (requirement, request, incoming) =>
    checkRequest(context, requirementOf(requirement), request, incoming);
  const accepts: ProgressiveResource['accepts'] = (requirement) => {
    if (isProgressive(requirement)) progressiveRuleOf(requirement);
    else requirementOf(requirement);
  };

  function verify(message: HttpMessage, requirement: RouteRequirement): Promise<Outcome>;
  function verify(
    message: HttpMessage,
    requirement: ProgressiveRequirement,
    connection: Connection,
  ): Promise<Outcome>;
  function verify(
    message: HttpMessage,
    requirement: OpenRequirement,
    connection: Connection,
  ): Promise<Outcome<OpenAccess>>;
  function verify(
    message: HttpMessage,
    requirement: AnyRequirement,
    connection: Connection = NOWHERE,
  ): Promise<Outcome<OpenAccess>> {
    return isProgressive(requirement)
      ? context.admit(message, progressiveRuleOf(requirement), connection)
      : context.evaluate(message, requirementOf(requirement));
  }

  type Guarded = (request: Request, connection?: Connection) => Promise<Response>;
  type AnyHandler = GuardedHandler<AuthorizedAccess> | GuardedHandler | OpenHandler;
  function guard<R extends RouteRequirement>(
    requirement: R,
    handler: GuardedHandler<AccessFor<R>>,
  ): Guarded;
  function guard(requirement: ProgressiveRequirement, handler: GuardedHandler): Guarded;
  function guard(requirement: OpenRequirement, handler: OpenHandler): Guarded;
  function guard(requirement: AnyRequirement, anyHandler: AnyHandler): Guarded {
    // What is let in is what the requirement asks for, and the overloads above say which handlers that takes.
    const handler = anyHandler as GuardedHandler;
    if (!isProgressive(requirement)) {
      return guardHandler(context, requirementOf(requirement), handler);
    }
    const rule = progressiveRuleOf(requirement);
    return async (request, connection = NOWHERE) => {
      const result = await checkProgressive(context, rule, request, connection);
      if ('response' in result) return result.response;
      // Levels without an open `unsigned` weigh nobody so: what is not signed reaches handlers made for it only.
      return await handler(result.request, result.access as Access);
    };
  }

  const resource: ProgressiveResource = {
    id,
    scopes,
    verify,
    guard,
    accepts,
    check,
    checkProgressive: (requirement, request, connection, incoming) => {
      const rule = progressiveRuleOf(requirement);
      return checkProgressive(context, rule, request, connection, incoming);
    },
    handle: (request, incoming) => handleResourceRoutes(context, request, incoming),
  };
  return bindContext(resource, context);
}

/** What a program that passes no connection gets: an error as soon as the address is needed. */
const NOWHERE: Connection = { remoteAddress: undefined };

function isProgressive(
  requirement: AnyRequirement,
): requirement is ProgressiveRequirement | OpenRequirement {
  return typeof requirement === 'object' && 'levels' in requirement;
}
