import { AAuthError } from '../errors.js';
import { HostRefused } from './document-fetch.js';

/** The one public text for everything that is wrong with a host, so that it tells a stranger nothing about it. */
const PUBLIC_TEXT =
  'The metadata or keys of the named server could not be used. It must publish them over HTTPS, without redirects, ' +
  'as small JSON documents that name it.';

/**
 * The error for anything wrong with a host. `detail` is for the log: the reason in our own words, never a byte that
 * the host sent. A cause is kept only when it is ours: parsers put what they choked on into their errors.
 */
export function discoveryFailed(detail: string, cause?: unknown): AAuthError {
  return new AAuthError('discovery_failed', PUBLIC_TEXT, {
    detail,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Why a fetch failed: our own reason, or the code of a network error, whose message is not repeated. */
export function reasonOf(error: unknown): string {
  if (error instanceof HostRefused) return error.message;
  if (!(error instanceof Error)) return 'unknown';
  const code = codeOf(error) ?? codeOf(error.cause);
  return code ?? (/^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'Error');
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
