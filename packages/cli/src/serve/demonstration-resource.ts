import type { OpenAccess, ProgressiveResource, RequestDocument } from '@countersign/resource';
import { aauth, type OpenAccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { type Context, Hono } from 'hono';

type GuardedContext = Context<{ Variables: OpenAccessVariables }>;

function describe(access: OpenAccess): object {
  switch (access.level) {
    case 'unsigned':
    case 'signature':
      return { token_type: null, agent: null, agent_delegate: null, scope: null };
    case 'identity':
      return {
        token_type: access.scheme === 'jwt' ? 'agent+jwt' : null,
        agent: access.agent,
        agent_delegate: access.delegate ?? null,
        scope: null,
      };
    case 'authorization':
      return {
        token_type: 'auth+jwt',
        agent: access.agent,
        agent_delegate: access.delegate ?? null,
        scope: access.scope.join(' '),
      };
  }
}

function answer(data: string): (c: GuardedContext) => Response {
  return (c) => {
    const access = c.get('access');
    const { token_type, agent, agent_delegate, scope } = { ...describe(access) } as Record<
      string,
      unknown
    >;
    return c.json({
      message: 'Access granted',
      data,
      scheme: access.level === 'unsigned' ? null : access.scheme,
      token_type,
      method: c.req.method,
      agent,
      agent_delegate,
      scope,
    });
  };
}

const NO_STORE = { 'Cache-Control': 'no-store' };

export const DATA_PATHS: readonly string[] = [
  '/data',
  '/data-hwk',
  '/data-jwks',
  '/data-auth',
  '/data-progressive',
];

/** What `/data-progressive` grants each level of proof within a minute. */
const PER_MINUTE = { unsigned: 10, signature: 100, identity: 1_000, authorization: 10_000 };

/** The demonstration's resource (PROTOCOL section 8): one route for each level and one for all, GET and POST. */
export function demonstrationResource(
  resource: ProgressiveResource,
  scopes: readonly string[],
  /** What `/data-auth` asks with, beside the scopes. */
  document?: RequestDocument,
): Hono {
  // By the path as it was sent, which is the one that was signed: Hono's own reading decodes it.
  const app = new Hono({ getPath: (request) => new URL(request.url).pathname });
  app.use(resourceRoutes(resource));
  const routes = [
    ['/data', 'signature', 'This is protected data (signed)'],
    ['/data-hwk', 'signature', 'This is protected data (signed)'],
    ['/data-jwks', 'identity', 'This is protected data (identified)'],
    [
      '/data-auth',
      document === undefined ? { scopes } : { scopes, document },
      'This is protected data (authorized)',
    ],
  ] as const;
  for (const [path, requirement, data] of routes) {
    app.on(['GET', 'POST'], path, aauth(resource, requirement), answer(data));
  }
  const levels = {
    unsigned: { perMinute: PER_MINUTE.unsigned },
    signature: { perMinute: PER_MINUTE.signature },
    identity: { perMinute: PER_MINUTE.identity },
    authorization: { perMinute: PER_MINUTE.authorization, scopes },
  };
  app.on(
    ['GET', 'POST'],
    '/data-progressive',
    aauth(resource, { levels }),
    answer('This is data for everyone, and more of it for those who prove more'),
  );
  for (const path of DATA_PATHS) {
    app.all(path, (c) => {
      c.header('Allow', 'GET, HEAD, POST');
      return c.json(
        { error: 'invalid_request', error_description: 'This address takes GET and POST.' },
        405,
        NO_STORE,
      );
    });
  }
  app.notFound((c) =>
    c.json(
      { error: 'invalid_request', error_description: 'There is nothing at this address.' },
      404,
      NO_STORE,
    ),
  );
  app.onError((_error, c) =>
    c.json(
      {
        error: 'server_error',
        error_description: 'The server made a mistake; it has been logged.',
      },
      500,
      NO_STORE,
    ),
  );
  return app;
}
