import {
  AAuthError,
  asResponse,
  errorAnswer,
  JWKS_PATH,
  type ReceivedRequest,
  routedPath,
  type TextAnswer,
} from '@countersign/protocol';
import type { Connection } from './connection.js';
import { createContext, type ServerContext } from './context.js';
import { handleAuthEndpoint } from './exploratory/auth-endpoint/auth-endpoint.js';
import { AGENT_TOKEN_PATH, issuerDocument } from './exploratory/documents.js';
import { handleTokenEndpoint } from './exploratory/token-endpoint/token-endpoint.js';
import { removeEndedKeys } from './keys/administration.js';
import { watched } from './observability/observe-requests.js';
import type { EndpointName } from './observability/server-event.js';
import type { AuthServerOptions } from './options.js';
import { AGENT_AUTH_PATH, messagePage, pageAnswer } from './pages/index.js';
import type { RequestContext } from './request-context.js';

/** An auth server as a function from request to response. Stateless: everything is in its storage. */
export interface AuthServer {
  readonly issuer: string;
  /** Answers every path. Never rejects for anything a stranger sent. */
  handle(request: Request, connection?: Connection): Promise<Response>;
  /**
   * As `handle`, for whoever reads and writes a connection without Fetch. To HEAD the answer is that to GET: leave its text
   * out.
   */
  answer(request: ReceivedRequest, connection?: Connection): Promise<TextAnswer>;
  /** Deletes what has expired, in small batches, and does what `seal` does. Call it now and then; several processes may. */
  sweep(): Promise<number>;
  /**
   * Chains what has been recorded for the audit trail since the last time. Call it every second or so; several processes may.
   * Until somebody calls it, acts that have been recorded can be changed unnoticed.
   */
  seal(): Promise<void>;
}

type Endpoint = (
  context: RequestContext,
  request: ReceivedRequest,
  connection: Connection,
) => Promise<TextAnswer> | TextAnswer;

function publish(document: (context: ServerContext) => object): Endpoint {
  return (context, request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const refusal = errorAnswer(
        new AAuthError('method_not_allowed', 'This address takes GET and HEAD.'),
      );
      return { ...refusal, headers: { ...refusal.headers, Allow: 'GET, HEAD' } };
    }
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=300' },
      text: JSON.stringify(document(context)),
    };
  };
}

const publishJwks = publish(({ keys }) => keys.jwks);

async function publishKeys(
  context: RequestContext,
  request: ReceivedRequest,
  connection: Connection,
): Promise<TextAnswer> {
  await context.keys.refresh();
  return await publishJwks(context, request, connection);
}

const endpoints = new Map<string, readonly [EndpointName, Endpoint]>([
  ['/.well-known/aauth-issuer', ['metadata', publish(issuerDocument)]],
  [JWKS_PATH, ['keys', publishKeys]],
  [AGENT_TOKEN_PATH, ['token', handleTokenEndpoint]],
  [AGENT_AUTH_PATH, ['auth-page', handleAuthEndpoint]],
]);
const elsewhere = ['other', () => pageAnswer(messagePage({ kind: 'not-found' }))] as const;

/**
 * Makes an auth server on a storage. Rejects with `AAuthError` `configuration_invalid` for settings that cannot work,
 * with `StorageConfigurationError` when the database belongs to another issuer, and with `StorageError` when it cannot
 * be reached.
 */
export async function createAuthServer(options: AuthServerOptions): Promise<AuthServer> {
  const { context, contextOf } = await createContext(options);
  context.emit?.({ type: 'server-started', issuer: context.issuer });
  const answer: AuthServer['answer'] = (request, connection = {}) => {
    const path = routedPath(request);
    const [endpoint, answerAt] = endpoints.get(path) ?? elsewhere;
    return watched(context.watch, { endpoint, method: request.method, path }, connection, (scope) =>
      answerAt(contextOf(scope), request, connection),
    );
  };
  return {
    issuer: context.issuer,
    answer,
    handle: async (request, connection) =>
      asResponse(await answer(request, connection), request.method),
    sweep: async () => {
      const begun = performance.now();
      const { storage, clock, lifetimes } = context;
      await seal(context);
      const swept = await storage.sweep(clock(), {
        refreshAbsoluteSeconds: lifetimes.refreshAbsolute,
      });
      const rows = swept + (await removeEndedKeys(storage, clock()));
      context.emit?.({ type: 'swept', rows, durationMilliseconds: performance.now() - begun });
      return rows;
    },
    seal: () => seal(context),
  };
}

async function seal({ storage, emit }: ServerContext): Promise<void> {
  const head = await storage.audit.seal();
  if (head !== undefined) emit?.({ type: 'audit-sealed', ...head });
}
