import { parseUrl } from '@countersign/protocol';

/** Addresses as a page shows them: hosts in full and as given (punycode stays punycode), links only where harmless. */

const LONGEST_LINK = 2048;

/**
 * Host, and port unless it is the default, of an identifier or redirect URI that has been validated before. Never
 * clipped: the part of a long host that decides whose it is stands at its end.
 */
export function hostOf(address: string): string {
  return parseUrl(address)?.host ?? address;
}

/** Whether two addresses name the same scheme, host and port. */
export function sameOrigin(one: string, other: string): boolean {
  const origin = parseUrl(one)?.origin;
  return origin !== undefined && origin !== 'null' && origin === parseUrl(other)?.origin;
}

/**
 * A link that a party gave, when a page may offer it: `https:`, no user info, a sane length. Anything else, plain
 * `http:` on loopback included, is no link.
 */
export function offeredLink(link: string | undefined): string | undefined {
  if (link === undefined || link.length > LONGEST_LINK) return undefined;
  const url = parseUrl(link);
  if (url === undefined || url.protocol !== 'https:') return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  return url.href;
}
