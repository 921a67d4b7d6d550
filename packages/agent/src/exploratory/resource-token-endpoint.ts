import { utf8 } from '@countersign/httpsig';
import {
  AAuthError,
  FORM_TYPE,
  MAX_TOKEN_LENGTH,
  resourceMetadata,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { AgentContext } from '../context.js';
import { signRequest } from '../signer.js';
import { type AccessRequest, checkAccessChallenge } from './challenge-checks.js';
import { isSecret, readJson, refusal, type TokenAnswer } from './token-answer.js';
import { formEncode, sendForm } from './token-endpoint.js';

/** What a resource token endpoint answered; not a word of it has been believed. */
interface ResourceTokenAnswer {
  readonly resourceToken: string;
  readonly authServer: string;
}

/**
 * Asks a resource for a resource token without calling it first (PROTOCOL section 5.10), and checks the answer as a
 * challenge is checked (5.12), and that it asks for exactly `scope`, so that no person is asked for anything else.
 *
 * Throws `discovery_failed` when the resource's metadata cannot be had, or names no resource token endpoint on its own
 * origin (rule `resource_token_endpoint_missing`); the code that the endpoint names, such as `invalid_scope`;
 * `too_many_requests`, `temporarily_unavailable`, `response_invalid`; and `challenge_refused` with the broken rule.
 */
export async function requestResourceToken(
  context: AgentContext,
  resource: ServerIdentifier,
  scope: readonly string[],
  signal: AbortSignal,
): Promise<AccessRequest> {
  const { discovery, id, keys, clock, identifiers } = context;
  const { resourceTokenEndpoint } = await discovery.metadata(resourceMetadata, resource);
  if (resourceTokenEndpoint === undefined) throw noEndpoint(resource);
  const url = new URL(resourceTokenEndpoint).href;
  const headers = new Headers({ Accept: 'application/json', 'Content-Type': FORM_TYPE });
  const body = utf8(formEncode([['scope', scope.join(' ')]]));
  const request = { url, method: 'POST', headers, body };
  const signed = await signRequest(request, { by: 'identity' }, { ...context, keys });
  const who = `The resource ${resource}`;
  const answer = await sendForm(context, url, { ...request, headers: signed }, who, signal);
  const expected = {
    ...identifiers,
    resource,
    agent: id,
    keyThumbprint: keys.current.thumbprint,
    now: clock(),
  };
  const asked = { kind: 'auth-token' as const, ...readAnswer(answer, who) };
  return checkAccessChallenge(asked, expected, scope);
}

/**
 * Reads the answer: status 200, JSON, at most 64 KiB, `resource_token` of at most 8 KiB and `auth_server`. `expires_in` is
 * not needed: the token says when it ends.
 */
function readAnswer(answer: TokenAnswer, who: string): ResourceTokenAnswer {
  const json = readJson(answer);
  if (answer.status !== 200) throw refusal(answer, json, who, 'resource');
  const { resource_token: resourceToken, auth_server: authServer } = json ?? {};
  if (!isSecret(resourceToken, MAX_TOKEN_LENGTH) || typeof authServer !== 'string') {
    const text = `${who} gave an answer that cannot be used.`;
    const rule = json === undefined ? 'not_json' : 'resource_token_or_auth_server';
    throw new AAuthError('response_invalid', text, { rule });
  }
  return { resourceToken, authServer };
}

function noEndpoint(resource: ServerIdentifier): AAuthError {
  return new AAuthError(
    'discovery_failed',
    `${resource} publishes no resource token endpoint on its own origin. Call it with fetch instead: it says then what it wants.`,
    { rule: 'resource_token_endpoint_missing', refusedBy: 'resource', retry: 'never' },
  );
}
