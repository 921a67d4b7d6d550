import { parseItem, serializeString, SignatureError } from '@countersign/httpsig';
import { AAuthError } from '../errors.js';

/** What a receiver asks for with `Agent-Auth` (PROTOCOL section 4). */
export type Challenge =
  /** Sign the request, with any scheme. */
  | { readonly kind: 'signature' }
  /** Sign with a verifiable identity. */
  | { readonly kind: 'identity' }
  /** Get an auth token from that auth server for this resource token. */
  | { readonly kind: 'auth-token'; readonly resourceToken: string; readonly authServer: string }
  /** Send the person to that page, then repeat the request. */
  | {
      readonly kind: 'interaction';
      readonly url: string;
      readonly resourceToken?: string;
      readonly authServer?: string;
    };

/** Writes the `Agent-Auth` header value. */
export function serializeChallenge(challenge: Challenge): string {
  const token = (resourceToken?: string, authServer?: string): string =>
    (resourceToken === undefined ? '' : `; resource_token=${serializeString(resourceToken)}`) +
    (authServer === undefined ? '' : `; auth_server=${serializeString(authServer)}`);
  switch (challenge.kind) {
    case 'signature':
      return 'httpsig';
    case 'identity':
      return 'httpsig; identity=?1';
    case 'auth-token':
      return `httpsig; auth-token${token(challenge.resourceToken, challenge.authServer)}`;
    case 'interaction':
      return (
        `httpsig; user_interaction=${serializeString(challenge.url)}` +
        token(challenge.resourceToken, challenge.authServer)
      );
  }
}

const MAX_LENGTH = 16 * 1024;

/** Where a trailing `;algs=(…)` begins, or -1. It ends the text, so it cannot stand inside a string. */
function algsAt(header: string): number {
  const at = header.lastIndexOf(';');
  return at >= 0 && /^;\s{0,8}algs=\([^()]*\)\s{0,8}$/.test(header.slice(at)) ? at : -1;
}

function refuse(detail: string): never {
  throw new AAuthError('challenge_refused', 'The Agent-Auth challenge cannot be understood.', {
    detail,
  });
}

/**
 * Parses an `Agent-Auth` header value. Unknown parameters are ignored; a trailing `;algs=(…)`, which the published
 * text uses and a structured field cannot hold, is cut off first. Throws `AAuthError` `challenge_refused`.
 * Judges nothing: whether the challenge may be acted on is for the agent's checks (PROTOCOL section 5.12).
 */
export function parseChallenge(header: string): Challenge {
  if (header.length > MAX_LENGTH) refuse('too long');
  const algs = algsAt(header);
  let item;
  try {
    item = parseItem(algs < 0 ? header : header.slice(0, algs), 'Agent-Auth');
  } catch (error) {
    if (error instanceof SignatureError) refuse(error.message);
    throw error;
  }
  if (item.value.type !== 'token' || item.value.value !== 'httpsig') refuse('not httpsig');
  const { parameters } = item;
  const flag = (name: string): boolean => {
    const value = parameters.get(name);
    if (value !== undefined && value.type !== 'boolean') refuse(`${name} is not a boolean`);
    return value?.value === true;
  };
  const text = (name: string): string | undefined => {
    const value = parameters.get(name);
    if (value !== undefined && value.type !== 'string') refuse(`${name} is not a string`);
    return value?.value;
  };
  const url = text('user_interaction');
  const resourceToken = text('resource_token');
  const authServer = text('auth_server');
  if (url !== undefined) {
    return {
      kind: 'interaction',
      url,
      ...(resourceToken === undefined ? {} : { resourceToken }),
      ...(authServer === undefined ? {} : { authServer }),
    };
  }
  if (flag('auth-token')) {
    if (resourceToken === undefined || authServer === undefined) {
      refuse('auth-token without resource_token or auth_server');
    }
    return { kind: 'auth-token', resourceToken, authServer };
  }
  return flag('identity') ? { kind: 'identity' } : { kind: 'signature' };
}
