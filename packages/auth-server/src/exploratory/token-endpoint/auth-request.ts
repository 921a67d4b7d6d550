import {
  AAuthError,
  type AgentMetadata,
  agentMetadata,
  fromStranger,
  hashSecret,
  parseScope,
  resourceMetadata,
  type ServerIdentifier,
  verifyResourceToken,
} from '@countersign/protocol';
import type { RequestContext } from '../../request-context.js';
import { ruleOf } from '../../policy.js';
import type { Question, QuestionDocument } from '../../question.js';
import { detailClaims, readAskedDocument } from './asked-document.js';
import { issueTokenAnswer } from './auth-token-answer.js';
import { checkRedirectUri, readRedirectUri } from './redirect-uri.js';
import type { AgentCaller, TokenRequest } from './token-endpoint.js';

const MAX_DESCRIPTION_LENGTH = 500;

/** What is asked for, once it has been verified. */
interface Asked {
  readonly kind: Question['kind'];
  readonly audience: ServerIdentifier;
  readonly scopes: readonly string[];
  readonly document?: QuestionDocument;
}

/** Where the person is sent once they have decided. */
interface AnswerAddress {
  readonly redirectUri: string;
  readonly state: string | undefined;
}

/**
 * `request_type=auth` (PROTOCOL section 5.1): a request token when a person must decide, an auth token when policy
 * grants directly.
 */
export async function answerAuthRequest(
  context: RequestContext,
  { caller, form }: TokenRequest,
): Promise<object> {
  const redirectUri = readRedirectUri(form.get('redirect_uri'), context.insecureLoopback);
  const state = readState(form.get('state'));
  const asked = await readAsked(context, caller, form);
  const { agent, delegate } = caller;
  const { kind, audience, scopes, document } = asked;
  const decided = await context.policy({
    kind,
    agent,
    delegate,
    audience,
    scopes,
    ...(document?.details === undefined ? {} : { authorizationDetails: document.details }),
    ...(document?.endsAt === undefined ? {} : { endsAt: document.endsAt }),
  });
  const rule = ruleOf(decided);
  switch (decided.decision) {
    case 'deny':
      await context.storage.audit.record({
        time: context.clock(),
        act: 'access-refused',
        by: 'policy',
        agent,
        delegate: delegate ?? null,
        audience,
        scope: scopes.join(' '),
        rule: rule ?? null,
      });
      throw new AAuthError('access_denied', 'The policy of this auth server does not allow it.', {
        rule: 'policy_denied',
      });
    case 'grant':
      return await grantDirectly(context, caller, asked, rule);
    case 'ask-person':
      return await askPerson(context, caller, asked, { redirectUri, state, rule });
    default:
      // A policy is somebody else's code, and may not have been written in TypeScript.
      throw new TypeError('The policy decided on something that there is not.');
  }
}

function readState(state: string | undefined): string | undefined {
  if (state !== undefined && (state.length > 1024 || !/^[\x20-\x7e]+$/.test(state))) {
    throw new AAuthError(
      'invalid_request',
      'The state must be 1 to 1024 printable ASCII characters.',
    );
  }
  return state;
}

async function readAsked(
  context: RequestContext,
  caller: AgentCaller,
  form: ReadonlyMap<string, string>,
): Promise<Asked> {
  const resourceToken = form.get('resource_token');
  const scope = form.get('scope');
  const url = form.get('auth_request_url');
  if ([resourceToken, scope, url].filter((one) => one !== undefined).length !== 1) {
    throw new AAuthError(
      'invalid_request',
      'Send exactly one of resource_token, scope and auth_request_url.',
    );
  }
  if (resourceToken !== undefined) return await readAccess(context, caller, resourceToken);
  // The agent is the resource (PROTOCOL section 5.6): the document is its own.
  const common = { kind: 'sign-in', audience: caller.agent } as const;
  if (url !== undefined) {
    const named = { url, owner: caller.agent, urlFault: 'invalid_request' } as const;
    return { ...common, ...(await readAskedDocument(context, named, caller)) };
  }
  const scopes = parseScope(scope);
  if (scopes === undefined) throw new AAuthError('invalid_scope', 'The scope is malformed.');
  return { ...common, scopes };
}

/** What a resource token asks for: its scope, an Auth Request Document of the resource, or both together. */
async function readAccess(
  context: RequestContext,
  caller: AgentCaller,
  resourceToken: string,
): Promise<Asked> {
  const { resource, scope, authRequestUrl } = await verifyResourceToken(resourceToken, {
    now: context.clock(),
    audience: context.issuer,
    agent: caller.agent,
    agentThumbprint: caller.key.thumbprint,
    insecureLoopback: context.insecureLoopback,
    verifySignature: context.verifySignature,
    findKey: (id, kid) => fromStranger(context.discovery.publishedKey(resourceMetadata, id, kid)),
  });
  if (resource === caller.agent) {
    // The token would name its audience alone: a sign-in token, which opens nothing that asks for authorisation.
    throw new AAuthError(
      'invalid_resource_token',
      'An agent needs no access to itself: to sign a person in, send scope and no resource token.',
      { rule: 'iss_is_agent' },
    );
  }
  const common = { kind: 'access', audience: resource } as const;
  if (authRequestUrl === undefined) return { ...common, scopes: scope };
  const named = {
    url: authRequestUrl,
    owner: resource,
    urlFault: 'invalid_resource_token',
  } as const;
  return { ...common, ...(await readAskedDocument(context, named, caller, scope)) };
}

/** Granted by policy (PROTOCOL section 5.5): no person, so no `sub`. */
async function grantDirectly(
  context: RequestContext,
  caller: AgentCaller,
  asked: Asked,
  rule: string | undefined,
): Promise<object> {
  if (asked.kind === 'sign-in') {
    throw new AAuthError('access_denied', 'A sign-in needs a person.', { rule: 'sign_in_direct' });
  }
  const now = context.clock();
  const refreshToken = context.secret(256);
  const scope = asked.scopes.join(' ');
  const tokenId = context.secret(128);
  const expiresAt = now + context.lifetimes.authToken;
  const claims = detailClaims(asked.document?.details);
  const terms = {
    accessEndsAt: asked.document?.endsAt ?? null,
    encryptionJwk: asked.document?.encryptionJwk ?? null,
  };
  await context.storage.grants.issueDirectly({
    grant: {
      id: context.secret(128),
      agent: caller.agent,
      delegate: caller.delegate ?? null,
      audience: asked.audience,
      scope,
    },
    refreshToken: { hash: await hashSecret(refreshToken), claims, ...terms },
    issued: { jti: tokenId, kind: 'auth', expiresAt },
    rule,
    now,
  });
  return await issueTokenAnswer(context, {
    caller,
    audience: asked.audience,
    scope,
    subject: undefined,
    claims,
    now,
    tokenId,
    refreshToken,
    ...terms,
  });
}

async function askPerson(
  context: RequestContext,
  caller: AgentCaller,
  asked: Asked,
  { redirectUri, state, rule }: AnswerAddress & { readonly rule: string | undefined },
): Promise<object> {
  const { agent, delegate } = caller;
  const metadata = await fromStranger(context.discovery.metadata(agentMetadata, agent));
  checkRedirectUri(redirectUri, agent, metadata, context.sameOriginRedirects);
  const wait = await context.limits.agentQuestions.take(agent, context.clock());
  if (wait > 0) {
    throw new AAuthError('too_many_requests', 'This agent asks people too often; slow down.', {
      rule: 'limit_agent_questions',
      retryAfterSeconds: wait,
    });
  }
  const question = await composeQuestion(context, asked, metadata);
  const now = context.clock();
  const requestToken = context.secret(256);
  // Nothing can be decided any more when what was asked for has ended.
  const { endsAt = Infinity } = asked.document ?? {};
  const expiresAt = Math.min(now + context.lifetimes.requestToken, endsAt);
  const created = await context.storage.pendingDecisions.create(
    {
      idHash: await hashSecret(requestToken),
      agent,
      delegate: delegate ?? null,
      audience: asked.audience,
      question: { ...question },
      redirectUri,
      state: state ?? null,
      createdAt: now,
      expiresAt,
    },
    { maxPendingPerAgent: context.maxPendingPerAgent },
    { rule, scope: asked.scopes.join(' ') },
  );
  if (created === 'too-many-pending') {
    const limits = { maxPendingPerAgent: context.maxPendingPerAgent };
    const roomAt = await context.storage.pendingDecisions.roomAt(agent, now, limits);
    throw new AAuthError(
      'too_many_requests',
      'This agent has too many requests that nobody has answered yet.',
      { rule: 'too_many_pending', retryAfterSeconds: Math.max(1, roomAt - now) },
    );
  }
  const { kind, audience } = asked;
  context.emit?.({ type: 'question-asked', kind, agent, audience });
  return { request_token: requestToken, expires_in: expiresAt - now };
}

/** Freezes what the agent and the resource say of themselves now into what the person will be shown. */
async function composeQuestion(
  context: RequestContext,
  asked: Asked,
  agent: AgentMetadata,
): Promise<Question> {
  const { name, homepage, policyUri, tosUri } = agent;
  const resource =
    asked.kind === 'access'
      ? await fromStranger(context.discovery.metadata(resourceMetadata, asked.audience))
      : undefined;
  const descriptions = new Map(Object.entries(resource?.scopeDescriptions ?? {}));
  return {
    kind: asked.kind,
    agent: {
      id: agent.agent,
      ...(name === undefined ? {} : { name }),
      ...(homepage === undefined ? {} : { homepage }),
      ...(policyUri === undefined ? {} : { policyUri }),
      ...(tosUri === undefined ? {} : { tosUri }),
    },
    resource: {
      id: asked.audience,
      ...(resource?.name === undefined ? {} : { name: resource.name }),
    },
    scopes: asked.scopes.map((scope) => {
      // No more than a person will be shown; the room for pending requests is not theirs to fill.
      const description = descriptions.get(scope)?.slice(0, MAX_DESCRIPTION_LENGTH);
      return { name: scope, ...(description === undefined ? {} : { description }) };
    }),
    ...(asked.document === undefined ? {} : { document: asked.document }),
  };
}
