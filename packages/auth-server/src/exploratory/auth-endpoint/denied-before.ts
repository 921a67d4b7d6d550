import type { ServerContext } from '../../context.js';
import { type Message, messagePage, type Page } from '../../pages/index.js';
import type { SessionUser } from '../../storage/index.js';
import type { OpenedRequest } from './opened-request.js';
import { limited } from '../../limits/server-limits.js';
import { returnAddress } from './return-address.js';

const HOUR = 3600;

/**
 * Seconds for which a person is not asked about this agent, because they have denied it too often within an hour; 0
 * when they are asked. All delegates count as the agent: it makes as many as it likes. Nothing is stored.
 */
export async function deniedTooOften(
  { storage, limits, clock }: ServerContext,
  { decision }: OpenedRequest,
  user: SessionUser,
): Promise<number> {
  if (limits.denials === Infinity) return 0;
  const now = clock();
  const deniedAt = await storage.pendingDecisions.deniedAt({
    agent: decision.agent,
    userId: user.id,
    since: now - HOUR,
    nth: limits.denials,
  });
  return deniedAt === undefined ? 0 : deniedAt + HOUR - now;
}

/** The page in place of the question: it says why, and leads back to the agent with the answer of a denial. */
export function askedTooOften(context: ServerContext, opened: OpenedRequest, wait: number): Page {
  context.report(limited('limit_denials', wait, 'The person has denied this agent too often.'));
  const message: Message = {
    kind: 'denied-before',
    agent: opened.decision.agent,
    returnTo: returnAddress(context, opened, {
      error: 'access_denied',
      error_description: 'The person has denied this agent several times; ask again later.',
    }),
    retryAfterSeconds: wait,
  };
  return messagePage(message);
}
