import type { HttpMessage, NodeRequestLike } from '@countersign/httpsig';
import type { ServerIdentifier } from '@countersign/protocol';
import type { AccessFor } from './access.js';
import { createContext } from './context.js';
import { checkRequest, type GuardedHandler, guardHandler, type GuardResult } from './guard.js';
import type { ResourceOptions } from './options.js';
import type { Outcome } from './outcome.js';
import { readRequirement, type RouteRequirement } from './requirement.js';
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
   * Answers `/.well-known/aauth-resource`, `/jwks.json` and the resource token endpoint; `undefined` for other paths.
   * `incoming` is Node's request, where there is one.
   */
  handle(request: Request, incoming?: NodeRequestLike): Promise<Response | undefined>;
}

/**
 * Makes a resource. Throws `AAuthError` `configuration_invalid` for settings that cannot work, and says which.
 * Does not check that the auth servers exist: they are asked when a token of theirs arrives.
 */
export function createResource(options: ResourceOptions): Resource {
  const context = createContext(options);
  const { id, scopes } = context;
  return {
    id,
    scopes,
    verify: (message, requirement) =>
      context.evaluate(message, readRequirement(requirement, scopes)),
    guard: (requirement, handler) =>
      guardHandler(context, readRequirement(requirement, scopes), handler),
    accepts: (requirement) => {
      readRequirement(requirement, scopes);
    },
    check: (requirement, request, incoming) =>
      checkRequest(context, readRequirement(requirement, scopes), request, incoming),
    handle: (request, incoming) => handleResourceRoutes(context, request, incoming),
  };
}
