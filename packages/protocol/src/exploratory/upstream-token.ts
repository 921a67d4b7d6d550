import type { VerifiedAuthToken } from './auth-token.js';

/**
 * The texts of verified auth tokens. Kept beside the values and not in them, so that no log, `JSON.stringify`, spread
 * or structured clone of what a handler is given carries a token along; a copy of the value has no text.
 */
const texts = new WeakMap<VerifiedAuthToken, string>();

/** For the verifier only. */
export function rememberUpstreamToken(token: VerifiedAuthToken, text: string): void {
  texts.set(token, text);
}

/**
 * The text of a verified auth token, for presenting it at an auth server in an exchange (PROTOCOL section 5.8), and
 * for nothing else: it is a secret of the person. `undefined` for a value that the verifier did not make itself.
 */
export function upstreamTokenText(token: VerifiedAuthToken): string | undefined {
  return texts.get(token);
}
