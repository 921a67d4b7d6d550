import type { ReceivedRequest } from '@countersign/protocol';
import type { ServerContext } from '../../context.js';

/**
 * Whether a form was posted from one of this server's own pages. `Referrer-Policy: no-referrer` makes browsers send
 * `Origin: null` on our own posts, so `null` counts together with `Sec-Fetch-Site: same-origin` only. A client that
 * sends neither header is no browser with somebody else's page in it; the form token decides.
 */
export function isOwnForm(context: ServerContext, request: ReceivedRequest): boolean {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return false;
  if (origin === null) return true;
  return origin === context.issuer || (origin === 'null' && site === 'same-origin');
}

/**
 * Whether a GET is a person opening the page: not a HEAD, not a prefetch, not an image or a script. Only such a
 * request may claim (PROTOCOL section 5.2). Clients without fetch metadata are given the benefit of the doubt.
 */
export function isNavigation(request: ReceivedRequest): boolean {
  if (request.method !== 'GET') return false;
  const purpose =
    request.headers.get('sec-purpose') ??
    request.headers.get('purpose') ??
    request.headers.get('x-moz') ??
    '';
  if (/prefetch|prerender|preview/i.test(purpose)) return false;
  // Browsers send all of fetch metadata; some HTTP clients send a mode alone, which says nothing.
  const destination = request.headers.get('sec-fetch-dest');
  return (
    destination === null ||
    (destination === 'document' && request.headers.get('sec-fetch-mode') === 'navigate')
  );
}

/** Whether the request was sent to this server under its own name. */
export function isOwnHost(context: ServerContext, request: ReceivedRequest): boolean {
  const host = (request.headers.get('host') ?? context.authority).toLowerCase();
  const port = context.issuer.startsWith('https:') ? ':443' : ':80';
  return host === context.authority || host === `${context.authority}${port}`;
}
