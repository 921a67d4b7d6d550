import { utf8 } from '@countersign/httpsig';
import {
  AAuthError,
  authServerMetadata,
  FORM_TYPE,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { AgentContext } from '../context.js';
import { readLimited } from '../outgoing-request.js';
import type { Signing } from '../reaction.js';
import { signRequest } from '../signer.js';
import {
  type GrantedToken,
  MAX_ANSWER_BYTES,
  type PersonNeeded,
  readTokenAnswer,
  type TokenAnswer,
} from './token-answer.js';

/** Deadline of one token endpoint request, in milliseconds. */
const DEADLINE_MS = 30_000;

/** An agent's side of the token endpoint (PROTOCOL sections 5.1, 5.3, 5.4 and 5.8). */
export interface TokenEndpoint {
  /** `request_type=auth`: asks for access with a resource token. */
  requestAccess(
    authServer: ServerIdentifier,
    request: {
      readonly resourceToken: string;
      readonly redirectUri: string;
      readonly state: string;
    },
    signal: AbortSignal,
  ): Promise<GrantedToken | PersonNeeded>;
  /** `request_type=auth` with `scope`: asks a person to sign in to the agent itself (PROTOCOL section 5.6). */
  requestSignIn(
    authServer: ServerIdentifier,
    request: {
      readonly scope: readonly string[];
      readonly redirectUri: string;
      readonly state: string;
    },
    signal: AbortSignal,
  ): Promise<PersonNeeded>;
  /** `request_type=code`: redeems the code a person came back with. */
  redeemCode(
    authServer: ServerIdentifier,
    request: { readonly code: string; readonly redirectUri: string },
  ): Promise<GrantedToken>;
  /** `request_type=refresh`. */
  refresh(
    authServer: ServerIdentifier,
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<GrantedToken>;
  /**
   * `request_type=exchange` (PROTOCOL section 5.8): the token this agent was called with, for one that opens the
   * resource of the resource token.
   */
  exchange(
    authServer: ServerIdentifier,
    request: { readonly resourceToken: string; readonly upstreamToken: string },
    signal: AbortSignal,
  ): Promise<GrantedToken>;
}

/**
 * Every method looks up the auth server's metadata (`discovery_failed`), signs with the agent's identity, and throws
 * what {@link readTokenAnswer} throws, `temporarily_unavailable` when the server cannot be reached within 30 seconds.
 */
export function createTokenEndpoint(context: AgentContext): TokenEndpoint {
  const post = async (
    authServer: ServerIdentifier,
    parameters: readonly (readonly [name: string, value: string])[],
    signal?: AbortSignal,
    signing: Signing = { by: 'identity' },
  ): Promise<GrantedToken | PersonNeeded> => {
    const { tokenEndpoint } = await context.discovery.metadata(authServerMetadata, authServer);
    const body = utf8(formEncode(parameters));
    const url = new URL(tokenEndpoint).href;
    const headers = new Headers({ Accept: 'application/json', 'Content-Type': FORM_TYPE });
    const request = { url, method: 'POST', headers, body };
    const signed = await signRequest(request, signing, context);
    const who = `The auth server ${authServer}`;
    const answer = await sendForm(context, url, { ...request, headers: signed }, who, signal);
    return readTokenAnswer(answer, authServer);
  };
  return {
    requestAccess: (authServer, { resourceToken, redirectUri, state }, signal) => {
      const parameters: (readonly [string, string])[] = [
        ['request_type', 'auth'],
        ['resource_token', resourceToken],
        ['redirect_uri', redirectUri],
      ];
      // The servers of that time do not know the parameter here; in the consent URL they ignore it.
      if (context.wire !== '2026-01') parameters.push(['state', state]);
      return post(authServer, parameters, signal);
    },
    requestSignIn: async (authServer, { scope, redirectUri, state }, signal) => {
      const parameters: (readonly [string, string])[] = [
        ['request_type', 'auth'],
        ['scope', scope.join(' ')],
        ['redirect_uri', redirectUri],
      ];
      if (context.wire !== '2026-01') parameters.push(['state', state]);
      const answer = await post(authServer, parameters, signal);
      // A token for which nobody was asked says nothing about who sits in front of this browser.
      if (answer.kind === 'token') throw unusable(authServer, 'person_not_asked');
      return answer;
    },
    redeemCode: async (authServer, { code, redirectUri }) =>
      granted(
        authServer,
        await post(authServer, [
          ['request_type', 'code'],
          ['code', code],
          ['redirect_uri', redirectUri],
        ]),
      ),
    refresh: async (authServer, refreshToken, signal) =>
      granted(
        authServer,
        await post(
          authServer,
          [
            ['request_type', 'refresh'],
            ['refresh_token', refreshToken],
          ],
          signal,
        ),
      ),
    exchange: async (authServer, { resourceToken, upstreamToken }, signal) =>
      granted(
        authServer,
        await post(
          authServer,
          [
            ['request_type', 'exchange'],
            ['resource_token', resourceToken],
          ],
          signal,
          { by: 'upstream', token: upstreamToken },
        ),
      ),
  };
}

function granted(authServer: ServerIdentifier, answer: GrantedToken | PersonNeeded): GrantedToken {
  if (answer.kind === 'token') return answer;
  throw unusable(authServer, 'request_token_unexpected');
}

function unusable(authServer: ServerIdentifier, rule: string): AAuthError {
  return new AAuthError(
    'response_invalid',
    `The auth server ${authServer} gave an answer that cannot be used.`,
    { rule },
  );
}

/** Sends a signed form; `who` is named when it cannot be reached. Never follows a redirect. */
export async function sendForm(
  context: AgentContext,
  url: string,
  request: RequestInit,
  who: string,
  signal: AbortSignal | undefined,
): Promise<TokenAnswer> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    const response = await context.transport(url, { ...request, redirect: 'manual', signal: both });
    const { status, headers } = response;
    return {
      status,
      contentType: headers.get('content-type'),
      retryAfter: headers.get('retry-after'),
      body: response.body === null ? undefined : await readLimited(response.body, MAX_ANSWER_BYTES),
    };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new AAuthError('temporarily_unavailable', `${who} cannot be reached.`, {
      cause: error,
      rule: 'unreachable',
    });
  }
}

/** A form body with its parameters in the given order. */
export function formEncode(parameters: readonly (readonly [string, string])[]): string {
  return parameters
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}
