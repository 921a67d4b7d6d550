import type { ReceivedRequest } from '@countersign/protocol';
import { SIGN_IN_LIMITS } from '../../accounts/index.js';
import type { ServerContext } from '../../context.js';
import { cookieValue, sessionCookieName, setCookie } from './browser-session.js';

const cookieName = (issuer: string): string => `${sessionCookieName(issuer)}-known`;

/**
 * What this browser was given when somebody signed in with it. It opens nothing: it says where attempts come from, so
 * that an attacker elsewhere, or at the same address, does not use up those of the person.
 */
export function knownBrowser(
  { issuer }: Pick<ServerContext, 'issuer'>,
  request: ReceivedRequest,
): { readonly browser?: string } {
  const browser = cookieValue(request, cookieName(issuer));
  return browser === undefined ? {} : { browser };
}

/** The value of the `Set-Cookie` that lets a browser be recognised, for as long as addresses are. */
export function browserCookie(context: ServerContext, value: string): string {
  return setCookie(context, value, SIGN_IN_LIMITS.knownAddressSeconds, cookieName(context.issuer));
}
