import {
  AAuthError,
  type Caller,
  errorAnswer,
  jsonAnswer,
  parseForm,
  readBody,
  type ReceivedRequest,
  receivedMessage,
  type TextAnswer,
  TOKEN_BODY_LIMIT,
} from '@countersign/protocol';
import type { Connection } from '../../connection.js';
import type { RequestContext } from '../../request-context.js';
import { asAAuthError } from '../../fault.js';
import { TokenAdmission } from '../../limits/token-admission.js';
import { noteRequestType, onceKept } from '../../observability/request-scope.js';
import { verifyWatched } from '../../observability/verify-watched.js';
import { answerAuthRequest } from './auth-request.js';
import { answerCodeExchange } from './code-exchange.js';
import { answerRefresh } from './refresh.js';
import { answerExchange, isExchange, requestTypesIn } from './token-exchange.js';

/** An agent whose request has been verified, and what it asks. */
export interface TokenRequest {
  readonly caller: AgentCaller;
  readonly form: ReadonlyMap<string, string>;
}

export type AgentCaller = Extract<Caller, { kind: 'agent' }>;

type Answer = (context: RequestContext, request: TokenRequest) => Promise<object>;

/** The request types that work here; the metadata lists exactly these. */
const answers = new Map<string, Answer>([
  ['auth', answerAuthRequest],
  ['code', answerCodeExchange],
  ['refresh', answerRefresh],
]);
/** An exchange is signed by rules of its own (`token-exchange.ts`). */
export const SUPPORTED_REQUEST_TYPES: readonly string[] = [...answers.keys(), 'exchange'];

/**
 * `POST /agent/token` (PROTOCOL section 5). The checks in order: method, the limits of the address, size, signature with digest and coverage,
 * the limits of the agent, identity, form, request type; what the type then asks is in its own file. Nothing is stored before all have passed.
 */
export async function handleTokenEndpoint(
  context: RequestContext,
  request: ReceivedRequest,
  connection: Connection,
): Promise<TextAnswer> {
  const admission = new TokenAdmission(context.limits, request, connection);
  try {
    if (request.method !== 'POST') {
      throw new AAuthError('method_not_allowed', 'The token endpoint takes POST.');
    }
    await admission.begin();
    context.scope.account = admission;
    return await onceKept(context.scope, () => answer(context, request, connection, admission));
  } catch (error) {
    const known = asAAuthError(error);
    context.report(known);
    await admission.refused(known).catch((failure: unknown) => {
      context.report(asAAuthError(failure));
    });
    const refusal = errorAnswer(known);
    if (refusal.status === 401) return errorAnswer(known, { kind: 'identity' });
    if (refusal.status !== 405) return refusal;
    return { ...refusal, headers: { ...refusal.headers, Allow: 'POST' } };
  }
}

async function answer(
  context: RequestContext,
  request: ReceivedRequest,
  connection: Connection,
  admission: TokenAdmission,
): Promise<TextAnswer> {
  const body = await readBody(request, TOKEN_BODY_LIMIT, connection.incoming);
  const message = receivedMessage(request, body, connection.incoming);
  await context.keys.refresh();
  const types = requestTypesIn(message);
  if (isExchange(types)) {
    return jsonAnswer(await answerExchange(context, message, admission));
  }
  const { caller } = await verifyWatched(context, () =>
    context.verifyRequest(message, (one) =>
      one.kind === 'agent' ? admission.admitAgent(one.agent, types[0]) : undefined,
    ),
  );
  if (caller.kind !== 'agent') {
    throw new AAuthError('invalid_signature', 'Sign with a verifiable identity to be authorized.', {
      rule: 'identity_required',
    });
  }
  admission.proved(caller.agent);
  context.scope.agent = caller.agent;
  const form = parseForm(message);
  const requestType = form.get('request_type');
  if (requestType === undefined) {
    throw new AAuthError('invalid_request', 'The request_type parameter is missing.');
  }
  const answerType = answers.get(requestType);
  if (answerType === undefined) {
    throw new AAuthError(
      'unsupported_request_type',
      `This server supports the request types ${SUPPORTED_REQUEST_TYPES.join(', ')}.`,
    );
  }
  noteRequestType(context.scope, requestType);
  return jsonAnswer(await answerType(context, { caller, form }));
}
