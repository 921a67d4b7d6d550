import type { NodeRequestLike } from '@countersign/httpsig';
import {
  AAuthError,
  authorityOf,
  type Caller,
  checkNonce,
  checkReplay,
  createRequestVerifier,
  errorResponse,
  isAAuthError,
  issueAgentToken,
  randomSecret,
  readBody,
  receivedMessage,
  refusalReporter,
  type VerifiedRequest,
  TOKEN_BODY_LIMIT,
} from '@countersign/protocol';
import type { AgentContext } from '../../context.js';
import type { DelegateOptions, EnrolmentVerdict } from '../../delegates/options.js';
import { AGENT_TOKEN_SECONDS } from './names.js';
import {
  checkJsonType,
  type DelegateTokenRequest,
  readDelegateTokenRequest,
} from './token-request.js';

export type DelegateTokenEndpoint = (
  request: Request,
  incoming?: NodeRequestLike,
) => Promise<Response>;

/** How far from now `created` may lie, in seconds (PROTOCOL section 2). */
const WINDOW_SECONDS = 60;

/**
 * Makes `POST /delegate/token` (PROTOCOL section 5.7). The checks in order: method, size, media type, a bare key's
 * signature with digest and coverage, the body's form, the key to be enrolled is the one that signed, the
 * authenticator, and last that the request has not been made before.
 *
 * Repeats come last so that strangers, who can make bare keys without end, cannot fill what is remembered: by then the
 * caller is a delegate, and the agent's quota is charged. A request that was refused before has had no effect.
 */
export function createDelegateTokenEndpoint(
  context: AgentContext,
  options: DelegateOptions,
): DelegateTokenEndpoint {
  const { id, keys, clock, random, identifiers } = context;
  const { authenticate, replay, requireNonce = false } = options;
  const report = refusalReporter(options.onRefused, random);
  // Bare keys only: nothing that a stranger names is ever looked up.
  const verifyRequest = createRequestVerifier({
    ...identifiers,
    id,
    clock,
    discovery: context.discovery,
    schemes: ['hwk'],
    authorities: [authorityOf(id), ...(options.authorities ?? [])],
    windowSeconds: WINDOW_SECONDS,
  });

  const check = async (asked: DelegateTokenRequest, { caller }: VerifiedRequest): Promise<void> => {
    const { delegate, audience, enrolmentSecret } = asked;
    if (caller.key.thumbprint !== asked.keyThumbprint) {
      throw new AAuthError(
        'invalid_signature',
        'Sign the request with the key that is to be enrolled: cnf_jwk is another one.',
        { rule: 'cnf_jwk_other' },
      );
    }
    const { jwk, thumbprint } = caller.key;
    const key = { jwk, thumbprint };
    const verdict = await ownPart(async () =>
      authenticate({ delegate, key, audience, enrolmentSecret }),
    );
    if (verdict !== 'accepted') throw refusalFor(verdict);
  };

  const answer: DelegateTokenEndpoint = async (request, incoming) => {
    if (request.method !== 'POST') {
      throw new AAuthError('method_not_allowed', 'This address takes POST.');
    }
    const body = await readBody(request, TOKEN_BODY_LIMIT);
    const message = receivedMessage(request, body, incoming);
    checkJsonType(message);
    const verified = await verifyRequest(message);
    checkNonce(request.method, verified.signature.nonce, { requireNonce });
    const asked = await readDelegateTokenRequest(body, identifiers);
    await check(asked, verified);
    const { delegate, audienceClaim } = asked;
    const { key } = verified.caller;
    const now = clock();
    const caller: Caller = { kind: 'agent', scheme: 'hwk', key, agent: id, delegate };
    const window = { now, windowSeconds: WINDOW_SECONDS };
    await ownPart(() =>
      checkReplay(request.method, verified.signature, caller, window, { replay, requireNonce }),
    );
    const token = await issueAgentToken(keys.current, {
      agent: id,
      delegate,
      confirmation: key.jwk,
      ...(audienceClaim === undefined ? {} : { audience: audienceClaim }),
      now,
      tokenId: randomSecret(random, 128),
      lifetimeSeconds: AGENT_TOKEN_SECONDS,
    });
    return Response.json(
      { agent_token: token, expires_in: AGENT_TOKEN_SECONDS },
      { headers: { 'Cache-Control': 'no-store' } },
    );
  };

  return async (request, incoming) => {
    try {
      return await answer(request, incoming);
    } catch (error) {
      const known = isAAuthError(error)
        ? error
        : new AAuthError('server_error', 'The server made a mistake.', { cause: error });
      report(known);
      const response = errorResponse(known);
      if (response.status === 401) return errorResponse(known, { kind: 'signature' });
      if (response.status === 405) response.headers.set('Allow', 'POST');
      return response;
    }
  };
}

/** The answers to a proof that does not do. A verdict that is not one of ours is no consent. */
function refusalFor(verdict: Exclude<EnrolmentVerdict, 'accepted'>): AAuthError {
  return verdict === 'other-delegate'
    ? new AAuthError('access_denied', 'This enrolment secret was made for another delegate.', {
        rule: 'delegate_other',
      })
    : new AAuthError(
        'access_denied',
        'The enrolment is not valid here; ask the operator of this agent server for a new secret.',
        { rule: 'enrolment_refused' },
      );
}

/** Store and authenticator are the server's own parts: that one fails says nothing about the request (section 7). */
async function ownPart<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAAuthError(error)) throw error;
    throw new AAuthError(
      'temporarily_unavailable',
      'The request cannot be checked now; try again shortly.',
      { rule: 'agent_server_part_failed', cause: error, retryAfterSeconds: 10 },
    );
  }
}
