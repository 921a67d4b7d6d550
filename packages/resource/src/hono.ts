import type { NodeRequestLike } from '@countersign/httpsig';
import { AAuthError } from '@countersign/protocol';
import type { Context, MiddlewareHandler } from 'hono';
import type { AccessFor, OpenAccess } from './access.js';
import type { ProgressiveResource, Resource } from './create-resource.js';
import type { GuardResult } from './guard.js';
import type { Connectable, Held, Interactions } from './interaction/index.js';
import type { AnyRequirement, RouteRequirement } from './requirement.js';

/** What guarded Hono handlers find in their context: `c.get('access')`. */
export interface AccessVariables<R extends AnyRequirement = RouteRequirement> {
  access: AccessFor<R>;
}

/** Node's request behind a Hono context, where the server is `@hono/node-server`. */
function incomingOf(c: Context): NodeRequestLike | undefined {
  const env: unknown = c.env;
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined;
  const { incoming } = env;
  const known =
    typeof incoming === 'object' &&
    incoming !== null &&
    'rawHeaders' in incoming &&
    Array.isArray(incoming.rawHeaders);
  return known ? (incoming as NodeRequestLike) : undefined;
}

/** What handlers of routes that take unsigned requests find in their context. */
export interface OpenAccessVariables {
  access: OpenAccess;
}

export interface ProgressiveRouteOptions {
  /**
   * The client's address, by which unsigned requests and bare keys are counted. Default: the peer of the connection,
   * which is right for a server of `@hono/node-server` that no proxy stands before. Behind a proxy return what that
   * proxy vouches for.
   */
  readonly remoteAddress?: (c: Context) => string | undefined;
}

/** The peer of the connection, where the server is `@hono/node-server`. */
function peerOf(c: Context): string | undefined {
  const incoming: unknown = incomingOf(c);
  if (typeof incoming !== 'object' || incoming === null || !('socket' in incoming))
    return undefined;
  const { socket } = incoming;
  if (typeof socket !== 'object' || socket === null || !('remoteAddress' in socket))
    return undefined;
  return typeof socket.remoteAddress === 'string' ? socket.remoteAddress : undefined;
}

/**
 * Guards a Hono route: `app.get('/data', aauth(resource, { scopes: ['data.read'] }), handler)`.
 * The handler runs only with access, found as `c.get('access')`; the request's body is unread again.
 *
 * Checks the requirement when the route is made: throws `AAuthError` `configuration_invalid` for an unknown scope.
 * Routing must not rewrite the path: a path that was normalised on the way in is refused.
 */
export function aauth<R extends AnyRequirement>(
  resource: ResourceFor<R>,
  requirement: R,
  { remoteAddress = peerOf }: ProgressiveRouteOptions = {},
): MiddlewareHandler<{ Variables: AccessVariables<R> }> {
  const check = checkOf(resource, requirement);
  return async (c, next) => {
    const result = await check(c.req.raw, incomingOf(c), () => remoteAddress(c));
    if ('response' in result) return result.response;
    c.req.raw = result.request;
    // What is let in is what the requirement asks for, from which `AccessFor` follows.
    c.set('access', result.access as AccessFor<R>);
    await next();
    return undefined;
  };
}

/** A route with levels needs a resource that counts. */
type ResourceFor<R extends AnyRequirement> = R extends { readonly levels: unknown }
  ? ProgressiveResource
  : Resource;

type Check = (
  request: Request,
  incoming: NodeRequestLike | undefined,
  remoteAddress: () => string | undefined,
) => Promise<GuardResult<OpenAccess>>;

function checkOf(resource: Resource | ProgressiveResource, requirement: AnyRequirement): Check {
  if (typeof requirement === 'string' || !('levels' in requirement)) {
    resource.accepts(requirement);
    return (request, incoming) => resource.check(requirement, request, incoming);
  }
  if (!('checkProgressive' in resource)) {
    throw new AAuthError('configuration_invalid', 'Make the resource with createResource.');
  }
  resource.accepts(requirement);
  return (request, incoming, remoteAddress) => {
    const connection = { remoteAddress: remoteAddress() };
    return resource.checkProgressive(requirement, request, connection, incoming);
  };
}

/** Serves the resource's metadata, JWKS and resource token endpoint: `app.use(resourceRoutes(resource))`. */
export function resourceRoutes(resource: Resource): MiddlewareHandler {
  return async (c, next) => {
    const response = await resource.handle(c.req.raw, incomingOf(c));
    if (response !== undefined) return response;
    await next();
    return undefined;
  };
}

/**
 * Guards a Hono route with something that its person has connected, behind `aauth`:
 * `app.get('/calendar', aauth(resource, 'identity'), needs(calendar), handler)`. The handler finds it as
 * `c.get('connection')`, or under `name` where a route needs several. Whoever has none is sent on a visit.
 */
export function needs<T, Name extends string = 'connection'>(
  connection: Connectable<T>,
  name?: Name,
): MiddlewareHandler<{ Variables: AccessVariables & Record<Name, Held<T>> }> {
  return async (c, next) => {
    const result = await connection.check(c.req.raw, c.get('access'));
    if ('response' in result) return result.response;
    const variables: { set(key: string, value: unknown): void } = c;
    variables.set(name ?? 'connection', result.held);
    await next();
    const answer = result.answer(c.res);
    if (answer !== c.res) {
      // Hono would lay the headers of the old response over those of the new one.
      c.res = undefined;
      c.res = answer;
    }
    return undefined;
  };
}

/** Serves the page of {@link Interactions}: `app.use(interactionRoutes(interactions))`. */
export function interactionRoutes(interactions: Interactions): MiddlewareHandler {
  return async (c, next) => {
    const response = await interactions.handle(c.req.raw);
    if (response !== undefined) return response;
    await next();
    return undefined;
  };
}
