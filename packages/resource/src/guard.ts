import { isSigned, type NodeRequestLike } from '@countersign/httpsig';
import { readBody, receivedHead } from '@countersign/protocol';
import type { Access, OpenAccess } from './access.js';
import { type ResourceContext, refusalResponse } from './context.js';
import { outcomeResponse } from './outcome.js';
import type { Requirement } from './requirement.js';

/** A handler that runs only once access has been proved. */
export type GuardedHandler<A extends Access = Access> = (
  request: Request,
  access: A,
) => Response | Promise<Response>;

/** A handler of a route that takes unsigned requests too. */
export type OpenHandler = (request: Request, access: OpenAccess) => Response | Promise<Response>;

/** What a guard found: access and the request with its body unread again, or the answer to send instead. */
export type GuardResult<A = Access> =
  { readonly access: A; readonly request: Request } | { readonly response: Response };

/** Reads, verifies and judges one request. The body of an unsigned request is not read. */
export async function checkRequest(
  context: ResourceContext,
  requirement: Requirement,
  request: Request,
  incoming?: NodeRequestLike,
): Promise<GuardResult> {
  try {
    const { callers, maxBodyBytes } = context;
    const head = receivedHead(request, incoming);
    // A document may be made of the body, which a guard before this one has verified.
    const made = requirement.level === 'authorization' && requirement.document?.kind === 'made';
    const unread = isSigned(head) && (!callers.has(request) || (made && request.body !== null));
    const body = unread ? await readBody(request, maxBodyBytes, incoming) : undefined;
    const outcome = await context.evaluate({ ...head, body }, requirement, request);
    if (outcome.type !== 'access') return { response: outcomeResponse(outcome) };
    // The body of a GET has been verified, but a Fetch request cannot carry it to the handler.
    if (body === undefined || request.body === null) return { access: outcome.access, request };
    const verified = withBody(request, body);
    const caller = callers.get(request);
    if (caller !== undefined) callers.set(verified, caller);
    return { access: outcome.access, request: verified };
  } catch (error) {
    return { response: refusalResponse(context, error) };
  }
}

/** The request with its body unread again. */
export function withBody(request: Request, body: Uint8Array<ArrayBuffer>): Request {
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, body });
}

/** Guards a Fetch handler. */
export function guardHandler<A extends Access>(
  context: ResourceContext,
  requirement: Requirement,
  handler: GuardedHandler<A>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const result = await checkRequest(context, requirement, request);
    if ('response' in result) return result.response;
    // `decide` lets nothing weaker through than the requirement, from which `A` follows (`AccessFor`).
    return await handler(result.request, result.access as A);
  };
}
