import { AAuthError, hashSecret, isAAuthError } from '@countersign/protocol';
import { keepToken } from './keep-token.js';
import { flowCookieName, readCookie } from './browser-cookie.js';
import type { AgentContext } from './context.js';
import {
  type CallbackParameters,
  readCallbackParameters,
} from './exploratory/callback-parameters.js';
import type { TokenEndpoint } from './exploratory/token-endpoint.js';
import type { HeldToken } from './held-token.js';
import type { PendingFlows } from './pending-flows.js';
import type { PendingFlow } from './store.js';
import { untrustedText } from './untrusted-text.js';

export interface CallbackOptions {
  /** The `Cookie` header of the browser the answer came with; a web application's flows need it. */
  readonly cookie?: string;
}

/** What became of an answer that arrived at the callback. */
export type CallbackOutcome =
  /** The exchange has succeeded and the token is kept. */
  | { readonly kind: 'granted'; readonly resource: string; readonly returnTo: string | undefined }
  /** The person, or a policy, said no: `interaction_denied`. */
  | { readonly kind: 'denied'; readonly error: AAuthError }
  /** The answer belonged to a flow, which it ended without a token. */
  | { readonly kind: 'failed'; readonly error: AAuthError }
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
      const granted = await finish(flow, parameters, context, endpoint);
      pending.complete(flow, granted);
      return { kind: 'granted', resource: flow.resource, returnTo: flow.returnTo };
    } catch (error) {
      pending.fail(flow, error);
      if (isAAuthError(error, 'interaction_denied')) return { kind: 'denied', error };
      if (isAAuthError(error)) return { kind: 'failed', error };
      const text = 'The agent could not keep the answer.';
      return {
        kind: 'failed',
        error: new AAuthError('server_error', text, {
          cause: error,
          refusedBy: 'agent',
          retry: 'ask-person-again',
        }),
      };
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
): Promise<HeldToken | undefined> {
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
  return await keepToken(context, personKey, granted, flow);
}

/** The answer `error=…`: a refusal by the person is told apart; the server's own words go to the log only. */
function refusalOf(flow: PendingFlow, answer: CallbackParameters): AAuthError {
  const who = flow.kind === 'consent' ? `the auth server ${flow.authServer}` : flow.resource;
  const detail = [untrustedText(answer.error), untrustedText(answer.errorDescription)]
    .filter((one) => one !== undefined)
    .join(': ');
  return answer.error === 'access_denied'
    ? new AAuthError('interaction_denied', `Access was denied at ${who}.`, { detail })
    : new AAuthError('interaction_failed', `The person came back from ${who} without an answer.`, {
        detail,
        refusedBy: flow.kind === 'consent' ? 'auth-server' : 'resource',
      });
}
