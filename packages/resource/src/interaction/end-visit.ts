import type { VisitEnd } from './connection-options.js';
import { CODE_SECONDS, type InteractionContext, tooMany } from './interaction-context.js';
import type { InteractionCaller } from './interaction-caller.js';
import { recordKey } from './records.js';
import { withAnswer } from './return-url.js';

/** A visit that is over and has not been answered yet. Whoever has it took it out of the store. */
export interface EndedVisit {
  readonly connection: string;
  readonly caller: InteractionCaller;
  readonly returnUrl: string;
}

/**
 * Sends the person back with a single-use code for what they connected (PROTOCOL section 5.11), or with the refusal. The
 * code is kept as its hash; `state` and the rest of the return URL stay as they are.
 */
export async function endVisit(
  context: InteractionContext,
  visit: EndedVisit,
  end: VisitEnd<unknown>,
): Promise<Response> {
  const { connection, caller, returnUrl } = visit;
  if ('denied' in end) return refuseVisit(visit, 'access_denied', 'The person did not go on.');
  const code = context.secret();
  const now = context.resource.clock();
  const kept = await context.records.put(
    'code',
    await recordKey('code', code),
    { connection, caller, data: end.connected, expiresAt: now + CODE_SECONDS },
    { agent: caller.agent, limit: context.pendingLimit, now },
  );
  if (!kept) {
    context.resource.report(tooMany(caller.agent));
    return refuseVisit(visit, 'temporarily_unavailable', 'Too much is open for this agent.');
  }
  return seeOther(withAnswer(returnUrl, { interaction_code: code }));
}

export function refuseVisit(
  { returnUrl }: EndedVisit,
  error: 'access_denied' | 'server_error' | 'temporarily_unavailable',
  description: string,
): Response {
  return seeOther(withAnswer(returnUrl, { error, error_description: description }));
}

function seeOther(location: string): Response {
  return new Response(null, {
    status: 303,
    headers: {
      Location: location,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    },
  });
}
