import { isSigned, type NodeRequestLike } from '@countersign/httpsig';
import { readBody, receivedHead } from '@countersign/protocol';
import type { OpenAccess } from '../access.js';
import { type ResourceContext, refusalResponse } from '../context.js';
import { type GuardResult, withBody } from '../guard.js';
import { outcomeResponse } from '../outcome.js';
import type { Connection } from './counters.js';
import type { ProgressiveRule } from './levels.js';

/**
 * Reads, verifies, weighs and counts one request to a progressive route. The body of an unsigned request is read, with
 * the limit, once it has been let in.
 */
export async function checkProgressive(
  context: ResourceContext,
  rule: ProgressiveRule,
  request: Request,
  connection: Connection,
  incoming?: NodeRequestLike,
): Promise<GuardResult<OpenAccess>> {
  try {
    const { callers, maxBodyBytes } = context;
    const head = receivedHead(request, incoming);
    const signed = isSigned(head);
    const unread = signed && !callers.has(request);
    const body = unread ? await readBody(request, maxBodyBytes, incoming) : undefined;
    const outcome = await context.admit({ ...head, body }, rule, connection, request);
    if (outcome.type !== 'access') return { response: outcomeResponse(outcome) };
    const read = signed ? body : await readBody(request, maxBodyBytes, incoming);
    if (read === undefined || request.body === null) return { access: outcome.access, request };
    const handedOn = withBody(request, read);
    const caller = callers.get(request);
    if (caller !== undefined) callers.set(handedOn, caller);
    return { access: outcome.access, request: handedOn };
  } catch (error) {
    return { response: refusalResponse(context, error) };
  }
}
