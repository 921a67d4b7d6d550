import { utf8 } from '@countersign/httpsig';
import {
  AAuthError,
  type Clock,
  isAAuthError,
  type KeySet,
  parseServerIdentifier,
  type Random,
  type ServerIdentifier,
  systemClock,
  systemRandom,
} from '@countersign/protocol';
import { checkDelegateName } from '../../delegates/delegate-name.js';
import { DelegateRefusedError } from '../../delegates/delegate-refused.js';
import { readLimited } from '../../outgoing-request.js';
import { signRequest } from '../../signer.js';
import { MAX_ANSWER_BYTES, type TokenAnswer } from '../token-answer.js';
import { DELEGATE_TOKEN_PATH, MAX_AUDIENCES } from './names.js';
import { type IssuedAgentToken, readAgentTokenAnswer } from './token-answer.js';

/** Settings of {@link delegateToken}. */
export interface DelegateTokenOptions {
  /** Server identifier of the agent that the delegate acts for; the `id` of the delegate's agent. */
  readonly agentServer: string;
  /** The delegate's name there, the `sub` of its tokens. */
  readonly delegate: string;
  /** The delegate's own keys, which nobody publishes; the same that its agent signs with. */
  readonly keys: KeySet;
  /**
   * The secret that the operator of the agent server made for this delegate, or a function that reads it each time it is
   * needed. Left out where the agent server's authenticator asks for none.
   */
  readonly enrolmentSecret?: string | (() => string | Promise<string>);
  /** The only receivers that may accept the token; resources and their auth servers both. Default any. */
  readonly audience?: string | readonly [string, ...string[]];
  /** The transport. Default the platform's `fetch`. It is always called with `redirect: 'manual'`. */
  readonly fetch?: typeof fetch;
  /** Unix seconds. Default the machine's clock. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Accept plain `http` for loopback hosts. For development and tests. Default `false`. */
  readonly insecureLoopback?: boolean;
}

/** A token is renewed this long before it ends, in seconds, or when half its life is over if that is later. */
const RENEWAL_SECONDS = 60;

/** Deadline of one request, in milliseconds. */
const DEADLINE_MS = 30_000;

/**
 * Makes the `agentToken` function of a delegate's agent (PROTOCOL section 5.7). It asks the agent server for an agent
 * token bound to `keys.current`, keeps it until a minute before it ends, and lets concurrent callers share one
 * request. While a renewal fails for the moment, a token that still lives is used on.
 *
 * Throws `AAuthError` `configuration_invalid` for settings that make no sense. The function rejects with:
 * - `DelegateRefusedError` (code `access_denied`) when the delegate has been revoked or the secret is wrong: nothing is
 *   gained by trying again;
 * - `temporarily_unavailable` and `too_many_requests`, with `retryAfterSeconds` when the server says it;
 * - the code that the server names, such as `invalid_signature` when this machine's clock is wrong;
 * - `response_invalid` for an answer that is no such token. Its signature is not checked: receivers do that.
 */
export function delegateToken(options: DelegateTokenOptions): () => Promise<string> {
  const { keys, clock = systemClock, insecureLoopback = false } = options;
  const identifiers = { insecureLoopback };
  const agentServer = parseServerIdentifier(options.agentServer, 'The agent server', identifiers);
  const delegate = checkDelegateName(options.delegate);
  const audience = checkAudience(options.audience, insecureLoopback);
  const transport = options.fetch ?? fetch;
  let held: IssuedAgentToken | undefined;
  let flight: Promise<IssuedAgentToken> | undefined;

  const ask = async (): Promise<IssuedAgentToken> => {
    const { enrolmentSecret } = options;
    const secret =
      typeof enrolmentSecret === 'function' ? await enrolmentSecret() : enrolmentSecret;
    const { publicJwk, thumbprint } = keys.current;
    const body = utf8(
      JSON.stringify({
        sub: delegate,
        cnf_jwk: publicJwk,
        aud: audience,
        enrolment_secret: secret,
      }),
    );
    const url = agentServer + DELEGATE_TOKEN_PATH;
    const headers = new Headers({ Accept: 'application/json', 'Content-Type': 'application/json' });
    const request = { url, method: 'POST', headers, body };
    const signed = await signRequest(
      request,
      { by: 'key' },
      {
        id: agentServer,
        keys,
        clock,
        identifiers,
        random: options.random ?? systemRandom,
        wire: 'rfc9421',
        agentToken: undefined,
      },
    );
    const answer = await exchange(transport, url, { ...request, headers: signed }, agentServer);
    const asked = { agentServer, delegate, audience, keyThumbprint: thumbprint, now: clock() };
    try {
      return await readAgentTokenAnswer(answer, asked);
    } catch (error) {
      if (!isAAuthError(error, 'access_denied')) throw error;
      throw new DelegateRefusedError(agentServer, delegate, error.detail);
    }
  };

  return async () => {
    if (held !== undefined && clock() < renewalTime(held)) return held.token;
    flight ??= ask().finally(() => {
      flight = undefined;
    });
    try {
      held = await flight;
    } catch (error) {
      const lives = held !== undefined && clock() < held.expiresAt;
      if (held === undefined || !lives || !isOfTheMoment(error)) throw error;
    }
    return held.token;
  };
}

function renewalTime({ issuedAt, expiresAt }: IssuedAgentToken): number {
  return expiresAt - Math.min(RENEWAL_SECONDS, Math.floor((expiresAt - issuedAt) / 2));
}

function isOfTheMoment(error: unknown): boolean {
  return isAAuthError(error, 'temporarily_unavailable') || isAAuthError(error, 'too_many_requests');
}

function checkAudience(
  audience: DelegateTokenOptions['audience'],
  insecureLoopback: boolean,
): string | readonly string[] | undefined {
  if (audience === undefined) return undefined;
  const named = typeof audience === 'string' ? [audience] : audience;
  for (const one of named) parseServerIdentifier(one, 'Each audience', { insecureLoopback });
  if (named.length === 0 || named.length > MAX_AUDIENCES || new Set(named).size < named.length) {
    throw new AAuthError(
      'configuration_invalid',
      `The audience is one server identifier, or a list of 1 to ${MAX_AUDIENCES} different ones.`,
    );
  }
  return audience;
}

async function exchange(
  transport: typeof fetch,
  url: string,
  request: RequestInit,
  agentServer: ServerIdentifier,
): Promise<TokenAnswer> {
  try {
    const response = await transport(url, {
      ...request,
      redirect: 'manual',
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const { status, headers, body } = response;
    return {
      status,
      contentType: headers.get('content-type'),
      retryAfter: headers.get('retry-after'),
      body: body === null ? undefined : await readLimited(body, MAX_ANSWER_BYTES),
    };
  } catch (cause) {
    throw new AAuthError(
      'temporarily_unavailable',
      `The agent server ${agentServer} cannot be reached.`,
      { rule: 'unreachable', cause },
    );
  }
}
