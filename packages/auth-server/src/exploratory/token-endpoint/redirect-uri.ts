import {
  AAuthError,
  type AgentMetadata,
  isLoopbackHost,
  parseUrl,
  type ServerIdentifier,
} from '@countersign/protocol';
import { callbackSource } from '../../pages/index.js';

const RESERVED = ['code', 'state', 'error', 'iss'];

function refuse(message: string, rule: string): never {
  throw new AAuthError('invalid_request', message, { rule });
}

/**
 * The form of a redirect URI (PROTOCOL section 5.1): absolute, https (http on loopback in development), no fragment,
 * no user info, none of the parameters that the answer will carry. Returns it exactly as sent, and it is sent to the
 * browser like that: hence printable ASCII only, and its origin in the one spelling that every parser understands alike
 * (`https:host` is relative to a browser that is on https already).
 */
export function readRedirectUri(value: string | undefined, insecureLoopback: boolean): string {
  if (value === undefined) refuse('The redirect_uri parameter is missing.', 'redirect_uri_missing');
  const wellFormed = value.length <= 2048 && /^[\x21-\x7e]+$/.test(value) && !/[#\\]/.test(value);
  const url = wellFormed ? parseUrl(value) : undefined;
  if (url === undefined) {
    refuse(
      'The redirect_uri must be an absolute URL of printable ASCII, without a fragment.',
      'redirect_uri_invalid',
    );
  }
  const spelledOut =
    value.startsWith(url.origin) && /^(?:$|[/?])/.test(value.slice(url.origin.length));
  const secure =
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && insecureLoopback && isLoopbackHost(url.hostname));
  // A host that a policy's source expression cannot name could not be returned to from the consent page.
  const reachable = callbackSource(value) !== undefined;
  if (!spelledOut || !secure || !reachable) {
    refuse(
      'The redirect_uri must be an https URL with an ordinary lower-case host name and without user info.',
      'redirect_uri_invalid',
    );
  }
  if (RESERVED.some((name) => url.searchParams.has(name))) {
    refuse(
      'The redirect_uri may not carry code, state, error or iss itself.',
      'redirect_uri_reserved_parameter',
    );
  }
  return value;
}

/**
 * Whether the agent may be sent a person's answer at that URI: one that it publishes, byte for byte, or, when it
 * publishes none and the operator allows it, one on its own origin.
 */
export function checkRedirectUri(
  redirectUri: string,
  agent: ServerIdentifier,
  metadata: AgentMetadata,
  sameOriginRedirects: boolean,
): void {
  const { redirectUris = [] } = metadata;
  if (redirectUris.includes(redirectUri)) return;
  if (redirectUris.length === 0) {
    if (sameOriginRedirects && new URL(redirectUri).origin === agent) return;
    refuse(
      sameOriginRedirects
        ? "The redirect_uri must be on the agent's own origin."
        : 'The agent publishes no redirect_uris in its metadata; it must, to ask a person.',
      'redirect_uri_unpublished',
    );
  }
  refuse(
    'The redirect_uri is not one of the redirect_uris in the agent metadata; they must be equal.',
    'redirect_uri_foreign',
  );
}
