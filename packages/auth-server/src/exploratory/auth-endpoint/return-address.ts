import type { ServerContext } from '../../context.js';
import type { OpenedRequest } from './opened-request.js';

/** The stored redirect URI with an answer, `state` and `iss` (PROTOCOL section 5.2). */
export function returnAddress(
  { issuer }: Pick<ServerContext, 'issuer'>,
  { decision, state }: OpenedRequest,
  answer: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(answer);
  if (state !== undefined) query.set('state', state);
  query.set('iss', issuer);
  // Appended as text: the stored URI is kept byte for byte.
  const separator = decision.redirectUri.includes('?') ? '&' : '?';
  return `${decision.redirectUri}${separator}${query.toString()}`;
}
