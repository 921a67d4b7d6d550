import { hashSecret } from '@countersign/protocol';
import type { ServerContext } from '../../context.js';
import type { Message, RequestLink } from '../../pages/index.js';
import type { Question } from '../../question.js';
import type { PendingDecision } from '../../storage/index.js';

/** The request a person has opened, found, matching its address and still to be answered. */
export interface OpenedRequest {
  readonly link: RequestLink;
  readonly decision: PendingDecision;
  readonly question: Question;
  /** What goes back to the agent: the state stored with the request, else the one in the address. */
  readonly state: string | undefined;
}

/** Reads `request_token`, `redirect_uri` and `state`, from an address or a form. */
export function readLink(parameters: ReadonlyMap<string, string>): RequestLink | undefined {
  const requestToken = parameters.get('request_token');
  const redirectUri = parameters.get('redirect_uri');
  const state = parameters.get('state');
  if (requestToken === undefined || redirectUri === undefined) return undefined;
  if (requestToken.length > 256 || redirectUri.length > 2048) return undefined;
  if (state !== undefined && (state.length > 1024 || !/^[\x20-\x7e]+$/.test(state)))
    return undefined;
  return { requestToken, redirectUri, ...(state === undefined ? {} : { state }) };
}

/** Parameters of a query, none of them twice; undefined otherwise. */
export function readQuery(url: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URL(url).searchParams) {
    if (parameters.has(name)) return undefined;
    parameters.set(name, value);
  }
  return parameters;
}

/**
 * Finds the request that a link names. The redirect URI and the state must equal the stored ones: the person is never
 * sent anywhere else (PROTOCOL section 5.2). Returns the message to show when there is nothing to decide.
 */
export async function openRequest(
  context: ServerContext,
  link: RequestLink,
): Promise<OpenedRequest | Message> {
  const decision = await context.storage.pendingDecisions.find(await hashSecret(link.requestToken));
  if (decision === undefined) return { kind: 'unknown' };
  const { redirectUri, state } = decision;
  if (redirectUri !== link.redirectUri) return { kind: 'redirect-mismatch' };
  if (state !== null && link.state !== undefined && state !== link.state) {
    return { kind: 'redirect-mismatch' };
  }
  const message = closedMessage(decision, context.clock());
  if (message !== undefined) return message;
  return {
    link,
    decision,
    question: decision.question as unknown as Question,
    state: state ?? link.state,
  };
}

/** Why a request cannot be answered any more, if it cannot. */
function closedMessage(decision: PendingDecision, now: number): Message | undefined {
  switch (decision.outcome) {
    case 'granted':
      return { kind: 'answered', outcome: 'approved' };
    case 'denied':
      return { kind: 'answered', outcome: 'denied' };
    case null:
      return decision.expiresAt <= now ? { kind: 'expired' } : undefined;
  }
}
