import { type IdentifierOptions, isServerIdentifier, parseUrl } from '@countersign/protocol';

/** Names that stand in the answer: a return URL that has them already would say two things at once. */
const ANSWERED = ['interaction_code', 'error', 'error_description', 'code', 'iss'];

const MAX_LENGTH = 2048;

/**
 * Which rule a `return_url` breaks (PROTOCOL section 5.11); `undefined` for one that a person may be sent back to: one
 * spelling of an https address without user info or fragment, on the origin of one of the agent's published redirect
 * URIs, and without the parameters that are to be added. `state` and whatever else it has stays untouched.
 */
export function returnUrlProblem(
  returnUrl: string,
  redirectUris: readonly string[] | undefined,
  options: IdentifierOptions,
): string | undefined {
  if (returnUrl.length > MAX_LENGTH || !/^[\x21-\x5b\x5d-\x7e]+$/.test(returnUrl)) {
    return 'return_url_malformed';
  }
  const url = parseUrl(returnUrl);
  if (url === undefined || url.href !== returnUrl) return 'return_url_malformed';
  if (!isServerIdentifier(url.origin, options)) return 'return_url_scheme';
  if (url.username !== '' || url.password !== '') return 'return_url_user';
  if (returnUrl.includes('#')) return 'return_url_fragment';
  if (ANSWERED.some((name) => url.searchParams.has(name))) return 'return_url_parameters';
  const origins = (redirectUris ?? []).map((uri) => parseUrl(uri)?.origin);
  return origins.includes(url.origin) ? undefined : 'return_url_origin';
}

/** The return URL with the answer added behind what it has. */
export function withAnswer(returnUrl: string, answer: Readonly<Record<string, string>>): string {
  const joint = !returnUrl.includes('?') ? '?' : /[?&]$/.test(returnUrl) ? '' : '&';
  return returnUrl + joint + new URLSearchParams(answer).toString();
}
