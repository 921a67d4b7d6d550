import { AAuthError, hashSecret, isAAuthError } from '@countersign/protocol';
import { keepToken } from './keep-token.js';
import { flowCookieName, readCookie } from './browser-cookie.js';
import type { AgentContext } from './context.js';
import {
  type CallbackParameters,
  readCallbackParameters,
} from './exploratory/callback-parameters.js';
import type { TokenEndpoint } from './exploratory/token-endpoint.js';
import { verifySignInToken } from './exploratory/sign-in-token.js';
import type { FlowResult, PendingFlows } from './pending-flows.js';
import type { SignedInPerson } from './signed-in-person.js';
import type { PendingFlow } from './store.js';
import { untrustedText } from './untrusted-text.js';

export interface CallbackOptions {
  /** The `Cookie` header of the browser the answer came with; a web application's flows need it. */
  readonly cookie?: string;
}

/** A sign-in that ended without a person. */
export interface EndedSignIn {
  readonly returnTo: string | undefined;
}

/** What became of an answer that arrived at the callback. */
export type CallbackOutcome =
  /** The exchange has succeeded and the token is kept. */
  | { readonly kind: 'granted'; readonly resource: string; readonly returnTo: string | undefined }
  /** The person has signed in: verified, and for the caller to start a session for. No refresh token is kept. */
  | {
      readonly kind: 'signed-in';
      readonly person: SignedInPerson;
      readonly returnTo: string | undefined;
    }
  /** The person, or a policy, said no: `interaction_denied`. `signIn` when it was to a sign-in. */
  | { readonly kind: 'denied'; readonly error: AAuthError; readonly signIn?: EndedSignIn }
  /** The answer belonged to a flow, which it ended without a token. */
  | { readonly kind: 'failed'; readonly error: AAuthError; readonly signIn?: EndedSignIn }
  /** The answer belongs to no pending flow, or a check failed. Nothing was sent and the flow is still pending. */
  | { readonly kind: 'refused'; readonly error: AAuthError };

export type AcceptAnswer = (
  query: URLSearchParams,
  options: CallbackOptions,
) => Promise<CallbackOutcome>;

/**
 * Makes the function that takes an answer (PROTOCOL sections 5.2 and 5.12). In order: each parameter at most once; a
 * pending flow with that `state`; in the browser that started it; `iss`, when present, of that flow's auth server; only
 * then the flow is taken, by one of however many callers, and the code redeemed. Whoever waits is told afterwards.
 */
export function createAcceptAnswer(
  context: AgentContext,
  pending: PendingFlows,
  endpoint: TokenEndpoint,
): AcceptAnswer {
  return async (query, { cookie }) => {
    const now = context.clock();
    const parameters = readCallbackParameters(query);
    if (parameters === undefined) return refused('parameters_invalid');
    const flow = await findFlow(parameters.state, context, pending, now);
    if (typeof flow === 'string') return refused(flow);
    if (!(await isSameBrowser(flow, cookie, context))) return refused('browser_other');
    const rule = checkAnswer(flow, parameters);
    if (rule !== undefined) return refused(rule);
    if ((await pending.take(flow, now)) === undefined) return refused('state_used');
    try {
      const result = await finish(flow, parameters, context, endpoint);
      pending.complete(flow, result);
      if (result?.kind === 'signed-in') return { ...result, returnTo: flow.returnTo };
      return { kind: 'granted', resource: flow.resource, returnTo: flow.returnTo };
    } catch (error) {
      pending.fail(flow, error);
      const ended = flow.kind === 'sign-in' ? { signIn: { returnTo: flow.returnTo } } : {};
      if (isAAuthError(error, 'interaction_denied')) return { kind: 'denied', error, ...ended };
      if (isAAuthError(error)) return { kind: 'failed', error, ...ended };
      const text = 'The agent could not keep the answer.';
      const kept = new AAuthError('server_error', text, {
        cause: error,
        refusedBy: 'agent',
        retry: 'ask-person-again',
      });
      return { kind: 'failed', error: kept, ...ended };
    }
  };
}

function refused(rule: string): CallbackOutcome {
  const text = 'No flow is waiting for this answer; start again from the agent.';
  return {
    kind: 'refused',
    error: new AAuthError('interaction_failed', text, { rule, refusedBy: 'agent' }),
  };
}

async function findFlow(
  state: string | undefined,
  context: AgentContext,
  pending: PendingFlows,
  now: number,
): Promise<PendingFlow | string> {
  if (state !== undefined) return (await pending.find(state, now)) ?? 'state_unknown';
  if (!context.allowMissingState) return 'state_missing';
  const [only, ...others] = await pending.pending(now);
  return only === undefined || others.length > 0 ? 'state_ambiguous' : only;
}

async function isSameBrowser(
  flow: PendingFlow,
  cookie: string | undefined,
  context: AgentContext,
): Promise<boolean> {
  if (context.interaction.mode === 'wait') return true;
  const value = readCookie(cookie, flowCookieName(flow.redirectUri, flow.stateHash));
  return value !== undefined && (await hashSecret(value)) === flow.browserHash;
}

/** The rule an answer breaks for its flow, if any. */
function checkAnswer(flow: PendingFlow, answer: CallbackParameters): string | undefined {
  if (flow.kind === 'visit') return answer.code === undefined ? undefined : 'code_unexpected';
  if (answer.issuer !== undefined && answer.issuer !== flow.authServer) return 'iss_other';
  return answer.code === undefined && answer.error === undefined ? 'code_missing' : undefined;
}

async function finish(
  flow: PendingFlow,
  answer: CallbackParameters,
  context: AgentContext,
  endpoint: TokenEndpoint,
): Promise<FlowResult> {
  const { personKey, redirectUri, resource } = flow;
  if (answer.error !== undefined) throw refusalOf(flow, answer);
  if (flow.kind === 'visit') {
    if (answer.interactionCode !== undefined) {
      const code = { code: answer.interactionCode, expiresAt: context.clock() + 600 };
      await context.store.saveInteractionCode(personKey, resource, code);
    }
    return undefined;
  }
  const granted = await endpoint.redeemCode(flow.authServer, {
    code: answer.code ?? '',
    redirectUri,
  });
  if (flow.kind === 'sign-in') {
    const person = await verifySignInToken(granted.token, flow.authServer, context);
    return { kind: 'signed-in', person };
  }
  return { kind: 'granted', token: await keepToken(context, personKey, granted, flow) };
}

/** The answer `error=…`: a refusal by the person is told apart; the server's own words go to the log only. */
function refusalOf(flow: PendingFlow, answer: CallbackParameters): AAuthError {
  const who = flow.kind === 'visit' ? flow.resource : `the auth server ${flow.authServer}`;
  const detail = [untrustedText(answer.error), untrustedText(answer.errorDescription)]
    .filter((one) => one !== undefined)
    .join(': ');
  return answer.error === 'access_denied'
    ? new AAuthError('interaction_denied', `Access was denied at ${who}.`, { detail })
    : new AAuthError('interaction_failed', `The person came back from ${who} without an answer.`, {
        detail,
        refusedBy: flow.kind === 'visit' ? 'resource' : 'auth-server',
      });
}
