import { hashSecret } from '@countersign/protocol';
import { flowCookieName, setCookie } from './browser-cookie.js';
import type { AcceptAnswer, CallbackOutcome } from './callback.js';
import { callbackPage, CALLBACK_PAGE_HEADERS, type CallbackPageView } from './callback-page.js';
import type { AgentContext } from './context.js';
import { readCallbackParameters } from './exploratory/callback-parameters.js';
import { createDelegateTokenEndpoint } from './exploratory/delegate-token/endpoint.js';
import { DELEGATE_TOKEN_PATH } from './exploratory/delegate-token/names.js';
import type { PendingFlows } from './pending-flows.js';
import type { Agent, AgentOptions } from './options.js';
import { publishedDocuments } from './published.js';
import { answerSignIn } from './sign-in-callback.js';

/** Seconds that published documents may be cached. A new key is found sooner: verifiers refetch for an unknown `kid`. */
const DOCUMENT_MAX_AGE = 300;

/** Makes `agent.handle`: metadata, JWKS, the callback, and an agent server's delegate tokens. */
export function createHandle(
  options: AgentOptions,
  context: AgentContext,
  pending: PendingFlows,
  accept: AcceptAnswer,
): Agent['handle'] {
  const documents = publishedDocuments(options, context);
  const callback = new URL(context.redirectUri).pathname;
  const delegateTokens =
    options.delegates && createDelegateTokenEndpoint(context, options.delegates);
  const agentName = options.name ?? context.id;

  const answerCallback = async (request: Request): Promise<Response> => {
    // HEAD is what link checkers and previews send: it must not spend a code.
    if (request.method !== 'GET') return methodNotAllowed('GET');
    const query = new URL(request.url).searchParams;
    const cookie = request.headers.get('cookie');
    const outcome = await accept(query, cookie === null ? {} : { cookie });
    const own = await answerSignIn(outcome, request, options);
    return own === undefined ? await respond(outcome, query) : await withoutCookie(own, query);
  };

  const respond = async (outcome: CallbackOutcome, query: URLSearchParams): Promise<Response> => {
    switch (outcome.kind) {
      case 'granted': {
        const { returnTo } = outcome;
        const response =
          returnTo === undefined
            ? page(200, { state: 'success', agentName })
            : new Response(null, {
                status: 303,
                headers: { Location: returnTo, 'Cache-Control': 'no-store' },
              });
        return await withoutCookie(response, query);
      }
      case 'signed-in':
        return await withoutCookie(page(200, { state: 'success', agentName }), query);
      case 'denied':
        return await withoutCookie(page(200, { state: 'denied', agentName }), query);
      case 'failed':
        return await withoutCookie(page(400, { state: 'error', agentName }), query);
      case 'refused': {
        const address = await addressToCopy(query);
        return address === undefined
          ? page(400, { state: 'error', agentName })
          : page(400, { state: 'copy-address', agentName, address });
      }
    }
  };

  const withoutCookie = async (response: Response, query: URLSearchParams): Promise<Response> => {
    const state = query.get('state');
    if (context.interaction.mode === 'redirect' && state !== null) {
      const name = flowCookieName(context.redirectUri, await hashSecret(state));
      response.headers.append('Set-Cookie', setCookie(name, '', 0));
    }
    return response;
  };

  /** An agent server with no flow of its own: the one that waits may be a program on another machine. */
  const addressToCopy = async (query: URLSearchParams): Promise<string | undefined> => {
    if (!context.showAddressToCopy) return undefined;
    const { mode } = context.interaction;
    if (mode !== 'wait' && !(mode === 'none' && options.delegates !== undefined)) return undefined;
    const read = readCallbackParameters(query);
    if (read === undefined || (read.code ?? read.error ?? read.interactionCode) === undefined) {
      return undefined;
    }
    if (read.state !== undefined && (await pending.wasAnswered(read.state))) return undefined;
    if ((await pending.pending(context.clock())).length > 0) return undefined;
    const address = new URL(context.redirectUri);
    for (const [name, value] of query) address.searchParams.append(name, value);
    return address.href;
  };

  return async (request, incoming) => {
    const { pathname } = new URL(request.url);
    if (pathname === callback) return await answerCallback(request);
    if (pathname === DELEGATE_TOKEN_PATH) return await delegateTokens?.(request, incoming);
    const document = documents.get(pathname);
    if (document === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(document()), {
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': `public, max-age=${DOCUMENT_MAX_AGE}`,
        'X-Content-Type-Options': 'nosniff',
      },
    });
  };
}

function page(status: number, view: CallbackPageView): Response {
  return new Response(callbackPage(view), { status, headers: { ...CALLBACK_PAGE_HEADERS } });
}

function methodNotAllowed(allow: string): Response {
  return new Response(null, {
    status: 405,
    headers: { Allow: allow, 'Cache-Control': 'no-store' },
  });
}
