import { errorSpelling, type ReceivedRequest, type TextAnswer } from '@countersign/protocol';
import type { Connection } from '../../connection.js';
import type { ServerContext } from '../../context.js';
import { asAAuthError } from '../../fault.js';
import { admitPageRequest } from '../../limits/page-admission.js';
import { type Message, messagePage, pageAnswer } from '../../pages/index.js';
import { isOwnHost } from './request-origin.js';
import { showAuthPage } from './show.js';
import { submitAuthPage } from './submit.js';

/** `/agent/auth`: the pages on which a person signs in and decides. Every answer to a person is a page. */
export async function handleAuthEndpoint(
  context: ServerContext,
  request: ReceivedRequest,
  connection: Connection,
): Promise<TextAnswer> {
  try {
    if (!isOwnHost(context, request)) return pageAnswer(messagePage({ kind: 'wrong-host' }));
    await admitPageRequest(context.limits, request, connection);
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return await showAuthPage(context, request, connection);
      case 'POST':
        return await submitAuthPage(context, request, connection);
      default: {
        const { html, headers } = messagePage({ kind: 'bad-request' });
        return { status: 405, headers: { ...headers, Allow: 'GET, HEAD, POST' }, text: html };
      }
    }
  } catch (error) {
    const known = asAAuthError(error);
    context.report(known);
    const { requestId } = known;
    const { status } = errorSpelling(known.code);
    if (known.code === 'too_many_requests') {
      const { retryAfterSeconds = 60 } = known;
      return pageAnswer(
        messagePage({ kind: 'too-many-requests', retryAfterSeconds }, { requestId }),
      );
    }
    if (status < 500) {
      // A form that is too large, or broke off on its way.
      const page = messagePage({ kind: 'bad-request' }, { requestId });
      return pageAnswer({ ...page, status });
    }
    const message: Message =
      known.code === 'temporarily_unavailable'
        ? { kind: 'unavailable', retryAfterSeconds: known.retryAfterSeconds ?? 5 }
        : { kind: 'server-error' };
    return pageAnswer(messagePage(message, { requestId }));
  }
}
