import { hash } from 'node:crypto';
import type { ReceivedRequest } from '@countersign/protocol';
import { addressKey } from '../accounts/address-key.js';
import type { Connection } from '../connection.js';
import { limited, type ServerLimits } from './server-limits.js';

function browserOf(request: ReceivedRequest, { remoteAddress }: Connection): [string, string] {
  const address = addressKey(remoteAddress ?? 'unknown');
  const cookie = request.headers.get('cookie') ?? '';
  return [address, hash('sha256', `${address}\n${cookie}`, 'base64url')];
}

/**
 * Limits requests to the pages: by address, and apart from it for a browser that is signed in, so that whoever shares
 * its address does not keep the person from answering.
 */
export async function admitPageRequest(
  limits: ServerLimits,
  request: ReceivedRequest,
  connection: Connection,
): Promise<void> {
  const [address, browser] = browserOf(request, connection);
  const now = limits.clock();
  const recognised = limits.recognisedBrowsers.get(browser) === true;
  const wait = recognised
    ? await limits.signedInPageRequests.take(browser, now)
    : await limits.pageRequests.take(address, now);
  if (wait === 0) return;
  throw limited(
    recognised ? 'limit_signed_in_page_requests' : 'limit_page_requests',
    wait,
    'Too many requests to the pages from this address.',
  );
}

/** Somebody is signed in in this browser. */
export function recogniseBrowser(
  limits: ServerLimits,
  request: ReceivedRequest,
  connection: Connection,
): void {
  limits.recognisedBrowsers.set(browserOf(request, connection)[1], true, 0);
}
