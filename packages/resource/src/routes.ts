import type { NodeRequestLike } from '@countersign/httpsig';
import {
  AAuthError,
  errorResponse,
  JWKS_PATH,
  parseForm,
  parseScope,
  readBody,
  receivedMessage,
  resourceDocument,
  TOKEN_BODY_LIMIT,
} from '@countersign/protocol';
import { RESOURCE_TOKEN_SECONDS, type ResourceContext, refusalResponse } from './context.js';
import { outcomeResponse } from './outcome.js';

export const RESOURCE_TOKEN_PATH = '/aauth/resource-token';

type Route = (
  context: ResourceContext,
  request: Request,
  incoming: NodeRequestLike | undefined,
) => Promise<Response>;

function publish(document: (context: ResourceContext) => object): Route {
  return async (context, request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    const body = JSON.stringify(document(context));
    return new Response(request.method === 'HEAD' ? null : body, {
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=300' },
    });
  };
}

function methodNotAllowed(allow: string): Response {
  const response = errorResponse(
    new AAuthError('method_not_allowed', `This address takes ${allow}.`),
  );
  response.headers.set('Allow', allow);
  return response;
}

/** `POST` with `scope`, signed with an identity: a resource token without the detour of a 401 (PROTOCOL section 5.10). */
const resourceToken: Route = async (context, request, incoming) => {
  if (request.method !== 'POST') return methodNotAllowed('POST');
  const body = await readBody(request, TOKEN_BODY_LIMIT);
  const message = receivedMessage(request, body, incoming);
  const outcome = await context.evaluate(message, { level: 'identity' });
  if (outcome.type !== 'access') return outcomeResponse(outcome);
  const { access } = outcome;
  if (access.level === 'signature') {
    throw new AAuthError('invalid_signature', 'Sign with a verifiable identity.');
  }
  const form = parseForm(message);
  if (form.has('auth_request_url')) {
    throw new AAuthError('invalid_request', 'This resource takes scope, not auth_request_url.');
  }
  const scopes = parseScope(form.get('scope'));
  if (scopes === undefined)
    throw new AAuthError('invalid_request', 'The scope parameter is missing or malformed.');
  if (!scopes.every((scope) => Object.hasOwn(context.scopes, scope))) {
    throw new AAuthError(
      'invalid_scope',
      'A scope is not one of this resource; its metadata lists them.',
    );
  }
  const { agent, thumbprint: agentThumbprint } = access;
  const { token, authServer } = await context.mint({ agent, agentThumbprint, scopes });
  return Response.json(
    { resource_token: token, auth_server: authServer, expires_in: RESOURCE_TOKEN_SECONDS },
    { headers: { 'Cache-Control': 'no-store' } },
  );
};

const routes = new Map<string, Route>([
  [
    '/.well-known/aauth-resource',
    publish(({ id, scopes, name }) =>
      resourceDocument({
        resource: id,
        jwksUri: `${id}${JWKS_PATH}`,
        resourceTokenEndpoint: `${id}${RESOURCE_TOKEN_PATH}`,
        supportedScopes: Object.keys(scopes),
        scopeDescriptions: scopes,
        ...(name === undefined ? {} : { name }),
      }),
    ),
  ],
  [JWKS_PATH, publish(({ keys }) => keys.jwks)],
  [RESOURCE_TOKEN_PATH, resourceToken],
]);

/** Answers the resource's own addresses; `undefined` for any other path. */
export async function handleResourceRoutes(
  context: ResourceContext,
  request: Request,
  incoming?: NodeRequestLike,
): Promise<Response | undefined> {
  const route = routes.get(new URL(request.url).pathname);
  if (route === undefined) return undefined;
  try {
    return await route(context, request, incoming);
  } catch (error) {
    return refusalResponse(context, error);
  }
}
