import { type AgentMetadata, AAuthError, hashSecret } from '@countersign/protocol';
import { asSecret, visitCookie } from './browser.js';
import {
  type InteractionContext,
  publishedAgent,
  type RegisteredConnection,
} from './interaction-context.js';
import { type Found, recordKey, type RequestRecord } from './records.js';
import { returnUrlProblem } from './return-url.js';
import type { VisitMessage } from './visit-page.js';

/** What a person has opened: everything about it has been checked. */
export interface OpenedVisit {
  readonly request: Found<RequestRecord>;
  readonly connection: RegisteredConnection;
  readonly agent: AgentMetadata;
  /** The secret in the address. */
  readonly id: string;
  readonly returnUrl: string;
  /** The browser's cookie, when it has one. */
  readonly cookie: string | undefined;
}

/**
 * Opens the request that an address or a form names. In order: both parameters, each once; a live request; the agent's
 * published metadata; a return URL that is the agent's; a browser that may go on with it. Nothing is fetched for a
 * request that does not exist, and nothing is written.
 */
export async function openVisit(
  context: InteractionContext,
  request: Request,
  parameters: URLSearchParams,
): Promise<OpenedVisit | VisitMessage> {
  const { resource, records, connections } = context;
  const [id, ...otherIds] = parameters.getAll('request');
  const [returnUrl, ...otherUrls] = parameters.getAll('return_url');
  if (id === undefined || returnUrl === undefined) return 'incomplete';
  if (otherIds.length > 0 || otherUrls.length > 0) return 'incomplete';
  const secret = asSecret(id);
  if (secret === undefined) return 'unknown';
  const now = resource.clock();
  const found = await records.find('request', await recordKey('request', secret), now);
  const connection = found && connections.get(found.value.connection);
  if (found === undefined || connection === undefined) return 'unknown';
  if (found.value.opensUntil <= now) return 'unknown';
  const agent = await publishedAgent(context, found.value.caller);
  if (agent === undefined) return 'agent';
  const { insecureLoopback } = resource;
  const problem = returnUrlProblem(returnUrl, agent.redirectUris, { insecureLoopback });
  if (problem !== undefined) {
    const text = 'A person cannot be sent back to that return_url.';
    resource.report(new AAuthError('invalid_request', text, { rule: problem }));
    return 'return-url';
  }
  const cookie = visitCookie(request, resource.id);
  const { browser } = found.value;
  if (browser !== undefined && (cookie === undefined || (await hashSecret(cookie)) !== browser)) {
    return 'other-browser';
  }
  return { request: found, connection, agent, id: secret, returnUrl, cookie };
}
