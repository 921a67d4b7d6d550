import { hashSecret } from '@countersign/protocol';
import { asAAuthError } from '../context.js';
import { asSecret, isOwnHost, visitCookie } from './browser.js';
import type { Visit, VisitEnd } from './connection-options.js';
import { endVisit, refuseVisit } from './end-visit.js';
import type { InteractionContext, RegisteredConnection } from './interaction-context.js';
import { recordKey } from './records.js';
import { asPage } from './visit-endpoint.js';
import { messagePage } from './visit-page.js';

/** A visit whose person came back from elsewhere, with what was kept for now. */
export interface ReturnedVisit extends Visit {
  /** Null when `begin` kept nothing. */
  readonly keep: string | null;
}

/**
 * A person who comes back to the application from another server. In order: this host; a live visit with that state, of
 * this connection; in the browser that began it; the latest of its request, which is taken out of the store by one of
 * however many; only then the application completes it, and the person goes back to the agent.
 */
export async function finishVisit(
  context: InteractionContext,
  connection: RegisteredConnection,
  request: Request,
  state: string | null | undefined,
  complete: (visit: ReturnedVisit) => VisitEnd<unknown> | Promise<VisitEnd<unknown>>,
): Promise<Response> {
  return await asPage(context, async () => {
    const { resource, records } = context;
    if (!isOwnHost(request, resource.id)) return await messagePage('wrong-host');
    if (request.method !== 'GET' && request.method !== 'POST') return await messagePage('method');
    const secret = asSecret(state);
    if (secret === undefined) return await messagePage('unknown');
    const now = resource.clock();
    const found = await records.find('visit', await recordKey('visit', secret), now);
    if (found?.value.connection !== connection.name) return await messagePage('unknown');
    const cookie = visitCookie(request, resource.id);
    if (cookie === undefined || (await hashSecret(cookie)) !== found.value.browser) {
      return await messagePage('other-browser');
    }
    // The request names the one visit that counts. Taking it decides: one challenge ends in one code at most.
    const asked = await records.find('request', found.value.request, now);
    if (asked?.value.visit !== found.key || !(await records.take(asked, now))) {
      return await messagePage('unknown');
    }
    await records.take(found, now);
    const { caller, keep } = found.value;
    let end: VisitEnd<unknown>;
    try {
      end = await complete({ ...caller, state: secret, keep });
    } catch (error) {
      resource.report(asAAuthError(error));
      // The agent waits: it is told, and the person is not left on a page of nobody's.
      return refuseVisit(found.value, 'server_error', 'What was begun could not be completed.');
    }
    return await endVisit(context, found.value, end);
  });
}
