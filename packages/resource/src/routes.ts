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
import type { TokenRequest } from './decide.js';
import { DOCUMENT_PATH } from './document-desk.js';
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

/** `POST` with `scope` or `auth_request_url`, signed with an identity: a resource token without the detour of a 401 (PROTOCOL section 5.10). */
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
  const asked = await readAsked(context, form);
  const { agent, thumbprint: agentThumbprint } = access;
  const { token, authServer } = await context.mint({ agent, agentThumbprint, ...asked });
  return Response.json(
    { resource_token: token, auth_server: authServer, expires_in: RESOURCE_TOKEN_SECONDS },
    { headers: { 'Cache-Control': 'no-store' } },
  );
};

/** What the form asks for: scopes of this resource, or a document that it has made. */
async function readAsked(
  context: ResourceContext,
  form: ReadonlyMap<string, string>,
): Promise<Pick<TokenRequest, 'scopes' | 'authRequestUrl'>> {
  const url = form.get('auth_request_url');
  if (url === undefined) return { scopes: readScopes(context, form.get('scope')) };
  if (form.has('scope')) {
    throw new AAuthError('invalid_request', 'Send either scope or auth_request_url.');
  }
  const document = await context.documents.read(url);
  if (document === undefined) {
    throw new AAuthError(
      'invalid_request',
      'The auth_request_url must be the address of a document of this resource.',
      { rule: 'auth_request_url_unknown' },
    );
  }
  return { scopes: parseScope(document['scope']) ?? [], authRequestUrl: url };
}

function readScopes(context: ResourceContext, value: string | undefined): readonly string[] {
  const scopes = parseScope(value);
  if (scopes === undefined)
    throw new AAuthError('invalid_request', 'The scope parameter is missing or malformed.');
  if (!scopes.every((scope) => Object.hasOwn(context.scopes, scope))) {
    throw new AAuthError(
      'invalid_scope',
      'A scope is not one of this resource; its metadata lists them.',
    );
  }
  return scopes;
}

/** An Auth Request Document (PROTOCOL section 5.9), for whoever has its address. */
const authRequest: Route = async (context, request) => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD');
  const { pathname, search } = new URL(request.url);
  const document = await context.documents.read(`${context.id}${pathname}${search}`);
  if (document === undefined) {
    throw new AAuthError('not_found', 'There is no such document here.');
  }
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(document), {
    // Its time of expiry counts from now.
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  });
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
  [DOCUMENT_PATH, authRequest],
]);

/** Answers the resource's own addresses; `undefined` for any other path. */
export async function handleResourceRoutes(
  context: ResourceContext,
  request: Request,
  incoming?: NodeRequestLike,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  const route = pathname.startsWith(`${DOCUMENT_PATH}/`) ? authRequest : routes.get(pathname);
  if (route === undefined) return undefined;
  try {
    return await route(context, request, incoming);
  } catch (error) {
    return refusalResponse(context, error);
  }
}
