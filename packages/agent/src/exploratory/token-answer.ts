import type { Bytes } from '@countersign/httpsig';
import {
  AAuthError,
  decodeJws,
  type ErrorCode,
  IDENTITY_SCOPES,
  isJsonObject,
  type JsonObject,
  MAX_TOKEN_LENGTH,
  parseScope,
  parseStrictJsonBytes,
  type RefusedBy,
  type ServerIdentifier,
  TOKEN_TYPES,
} from '@countersign/protocol';
import { confirmationThumbprint } from '../confirmation.js';
import { untrustedText } from '../untrusted-text.js';

/** What a token endpoint answered, before anything in it is believed. */
export interface TokenAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly retryAfter: string | null;
  /** `undefined` when it was longer than {@link MAX_ANSWER_BYTES}. */
  readonly body: Bytes | undefined;
}

/** The longest answer that is read, in bytes. */
export const MAX_ANSWER_BYTES = 65_536;

/** What an auth server granted. */
export interface GrantedToken {
  readonly kind: 'token';
  readonly token: string;
  /** Seconds from now. */
  readonly expiresIn: number;
  readonly refreshToken: string | undefined;
}

/** What an auth server wants a person for. */
export interface PersonNeeded {
  readonly kind: 'person';
  readonly requestToken: string;
  /** Seconds from now. */
  readonly expiresIn: number;
}

/** Error names of the exploratory wire that mean the same here. */
const NAMED: ReadonlyMap<string, ErrorCode> = new Map(
  (
    [
      'invalid_request',
      'invalid_grant',
      'invalid_scope',
      'invalid_resource_token',
      'unsupported_request_type',
      'invalid_signature',
      'invalid_token',
      'access_denied',
      'insufficient_scope',
      'temporarily_unavailable',
      'server_error',
    ] as const
  ).map((name) => [name, name]),
);

/**
 * Reads the answer of a token endpoint (PROTOCOL sections 5.1 and 7): status 200, JSON, at most 64 KiB, and either an
 * `auth_token` of at most 8 KiB or a `request_token`, with a positive whole `expires_in`. `token_type` is ignored.
 *
 * Throws `AAuthError`: the code that the server names, `too_many_requests` for 429, `temporarily_unavailable` for
 * other 5xx, `response_invalid` for anything that cannot be used. The server's own description goes to `detail`,
 * clipped and without control characters.
 */
export function readTokenAnswer(
  answer: TokenAnswer,
  authServer: ServerIdentifier,
): GrantedToken | PersonNeeded {
  const json = readJson(answer);
  if (answer.status !== 200)
    throw refusal(answer, json, `The auth server ${authServer}`, 'auth-server');
  if (json === undefined) throw unusable(authServer, 'not_json');
  const { auth_token: token, request_token: requestToken, expires_in: expiresIn } = json;
  if (typeof expiresIn !== 'number' || !Number.isSafeInteger(expiresIn) || expiresIn < 1) {
    throw unusable(authServer, 'expires_in');
  }
  if ((token === undefined) === (requestToken === undefined)) {
    throw unusable(authServer, 'auth_token_or_request_token');
  }
  if (requestToken !== undefined) {
    if (!isSecret(requestToken, 2048)) throw unusable(authServer, 'request_token');
    return { kind: 'person', requestToken, expiresIn };
  }
  const { refresh_token: refreshToken } = json;
  if (!isSecret(token, MAX_TOKEN_LENGTH)) throw unusable(authServer, 'auth_token');
  if (refreshToken !== undefined && !isSecret(refreshToken, 2048)) {
    throw unusable(authServer, 'refresh_token');
  }
  return { kind: 'token', token, expiresIn, refreshToken };
}

/** What the agent can check of an auth token without the resource's eyes. */
export interface TokenExpectation {
  readonly authServer: ServerIdentifier;
  readonly resource: ServerIdentifier;
  readonly agent: ServerIdentifier;
  readonly keyThumbprint: string;
}

/**
 * Reads an auth token before it is kept: as a JWS its type, `iss`, `aud`, `agent` and bound key must be the ones asked
 * for (PROTOCOL section 5.12). As a JWE (five parts) it is opaque. Returns its `exp`, when it can be read.
 * Throws `response_invalid`. The signature is not checked: the resource does that.
 */
export async function checkGrantedToken(
  token: string,
  expected: TokenExpectation,
): Promise<number | undefined> {
  const { authServer } = expected;
  if (/^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
  const jws = decodeJws(token);
  if (typeof jws === 'string') throw unusable(authServer, jws);
  const { iss, aud, agent, cnf, exp } = jws.payload;
  if (jws.header.typ !== TOKEN_TYPES.auth) throw unusable(authServer, 'token_type');
  if (iss !== authServer) throw unusable(authServer, 'iss_other');
  if (aud !== expected.resource) throw unusable(authServer, 'aud_other');
  if (agent !== expected.agent) throw unusable(authServer, 'agent_other');
  if ((await confirmationThumbprint(cnf)) !== expected.keyThumbprint) {
    throw unusable(authServer, 'cnf_other');
  }
  if (typeof exp !== 'number' || !Number.isSafeInteger(exp))
    throw unusable(authServer, 'exp_invalid');
  return exp;
}

/**
 * What a token was granted for, of what was `asked`: its `scope`, and the identity scopes, which do not appear there
 * (PROTOCOL section 3). All of it when the token cannot be read or does not say. Not verified: the resource decides.
 */
export function grantedScope(token: string, asked: readonly string[]): readonly string[] {
  const jws = decodeJws(token);
  const scope = typeof jws === 'string' ? undefined : parseScope(jws.payload['scope']);
  if (scope === undefined) return asked;
  return asked.filter((name) => scope.includes(name) || IDENTITY_SCOPES.includes(name));
}

/** A secret that can stand in a form, a URL and a header: visible ASCII, not empty, bounded. */
export function isSecret(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength && /^[\x21-\x7e]+$/.test(value);
}

/** The JSON object of an answer; `undefined` when it has none that can be read. */
export function readJson({ body, contentType }: TokenAnswer): JsonObject | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (body === undefined || type !== 'application/json') return undefined;
  const json = parseStrictJsonBytes(body);
  return isJsonObject(json) ? json : undefined;
}

/**
 * What an answer other than 200 means: the code that the server names, `too_many_requests` for 429,
 * `temporarily_unavailable` for other 5xx, `response_invalid` otherwise. `who` is named in the message.
 */
export function refusal(
  answer: TokenAnswer,
  json: JsonObject | undefined,
  who: string,
  refusedBy: RefusedBy,
): AAuthError {
  const { status } = answer;
  const name = json?.['error'];
  const named = typeof name === 'string' ? NAMED.get(name) : undefined;
  const code: ErrorCode =
    status === 429
      ? 'too_many_requests'
      : status >= 500
        ? 'temporarily_unavailable'
        : status >= 400 && named !== undefined
          ? named
          : 'response_invalid';
  const detail = [
    `status ${status}`,
    untrustedText(name),
    untrustedText(json?.['error_description']),
  ].filter((one) => one !== undefined);
  const wait = /^\d{1,6}$/.test(answer.retryAfter ?? '') ? Number(answer.retryAfter) : undefined;
  const text =
    code === 'response_invalid'
      ? 'gave an answer that cannot be used'
      : code === 'too_many_requests' || code === 'temporarily_unavailable'
        ? 'cannot answer now; try again later'
        : `refused the request (${code})`;
  return new AAuthError(code, `${who} ${text}.`, {
    ...(code === 'response_invalid' ? {} : { refusedBy }),
    detail: detail.join(': '),
    rule: `status_${status}`,
    ...(wait === undefined ? {} : { retryAfterSeconds: wait }),
  });
}

function unusable(authServer: ServerIdentifier, rule: string): AAuthError {
  return new AAuthError(
    'response_invalid',
    `The auth server ${authServer} gave an answer that cannot be used.`,
    { rule },
  );
}
