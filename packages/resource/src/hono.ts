import type { NodeRequestLike } from '@countersign/httpsig';
import type { Context, MiddlewareHandler } from 'hono';
import type { AccessFor } from './access.js';
import type { Resource } from './create-resource.js';
import { type RouteRequirement } from './requirement.js';

/** What guarded Hono handlers find in their context: `c.get('access')`. */
export interface AccessVariables<R extends RouteRequirement = RouteRequirement> {
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

/**
 * Guards a Hono route: `app.get('/data', aauth(resource, { scopes: ['data.read'] }), handler)`.
 * The handler runs only with access, found as `c.get('access')`; the request's body is unread again.
 *
 * Checks the requirement when the route is made: throws `AAuthError` `configuration_invalid` for an unknown scope.
 * Routing must not rewrite the path: a path that was normalised on the way in is refused.
 */
export function aauth<R extends RouteRequirement>(
  resource: Resource,
  requirement: R,
): MiddlewareHandler<{ Variables: AccessVariables<R> }> {
  resource.accepts(requirement);
  return async (c, next) => {
    const result = await resource.check(requirement, c.req.raw, incomingOf(c));
    if ('response' in result) return result.response;
    c.req.raw = result.request;
    c.set('access', result.access as AccessFor<R>);
    await next();
    return undefined;
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
