import type { HttpMessage } from '@countersign/httpsig';
import {
  AAuthError,
  actClaim,
  type Actor,
  authorizationDetailsOf,
  issueAuthToken,
  type VerifiedExchange,
} from '@countersign/protocol';
import type { ServerContext } from '../../context.js';
import type { RequestContext } from '../../request-context.js';
import { noteRequestType } from '../../observability/request-scope.js';
import { verifyWatched } from '../../observability/verify-watched.js';
import type { UpstreamAccess } from '../../exchange-policy.js';
import { ruleOf } from '../../policy.js';
import type { TokenAdmission } from '../../limits/token-admission.js';
import type { IssuedTokenRecord } from '../../storage/index.js';

/**
 * True for a request that says it is an exchange. Looked at before the signature, because an exchange is verified in
 * its own way, and leniently: what is wrong with the form is said by whoever verifies the request.
 */
export function isExchange(types: readonly string[]): boolean {
  return types.includes('exchange');
}

/** What a request says it is, before anything in it has been checked: what it costs follows from the first. */
export function requestTypesIn({ body }: HttpMessage): string[] {
  // Only what may have that name is parsed: the resource token beside it is by far the most of a form.
  return new TextDecoder()
    .decode(body)
    .split('&')
    .filter((part) => part.startsWith('request_type') || /^[^=]*[%+]/.test(part))
    .flatMap((part) => new URLSearchParams(`&${part}`).getAll('request_type'));
}

/**
 * `request_type=exchange` (PROTOCOL section 5.8): a resource that was called with a token gets one to call another
 * resource with. `verifyExchange` makes the checks up to and with the resource token; here follow, in order: what is
 * asked can be exchanged for at all, our own upstream token still stands, the chain is short enough, policy allows it,
 * and, in the transaction that writes the ledger, that the upstream token has not been revoked meanwhile.
 */
export async function answerExchange(
  context: RequestContext,
  message: HttpMessage,
  admission: TokenAdmission,
): Promise<object> {
  noteRequestType(context.scope, 'exchange');
  const exchange = await verifyWatched(context, () =>
    context.verifyExchange(message, (one) => admission.admitAgent(one, 'exchange')),
  );
  const { caller, key, upstream, resourceToken } = exchange;
  admission.proved(caller);
  context.scope.agent = caller;
  const { resource: audience, scope: scopes } = resourceToken;
  checkAsked(exchange);
  const foreign = upstream.issuer !== context.issuer;
  const parent = foreign ? undefined : await standingParent(context, upstream.tokenId);
  checkDepth(context, upstream.actors);
  const access: UpstreamAccess = {
    issuer: upstream.issuer,
    foreign,
    agent: upstream.agent,
    delegate: upstream.delegate,
    subject: upstream.subject,
    scopes: upstream.scope,
    ...('authorization_details' in upstream.claims
      ? { authorizationDetails: authorizationDetailsOf(upstream) }
      : {}),
    actors: upstream.actors,
  };
  const { carried, rule } = await decide(context, { caller, audience, scopes, upstream: access });
  const now = context.clock();
  const expiresAt = Math.min(now + context.lifetimes.authToken, upstream.expiresAt);
  if (expiresAt <= now) throw withdrawn('token_expired');
  const tokenId = context.secret(128);
  const subject = carried ? upstream.subject : undefined;
  // The same grant as the upstream token's: whatever ends that ends this, and what it is exchanged for in turn.
  const row: IssuedTokenRecord = {
    jti: tokenId,
    kind: 'auth',
    agent: caller,
    delegate: null,
    audience,
    subject: subject ?? null,
    grantId: parent?.grantId ?? null,
    parentJti: upstream.tokenId ?? null,
    issuedAt: now,
    expiresAt,
  };
  const parentIssuer = foreign ? upstream.issuer : undefined;
  const ruling = { rule, scope: scopes.join(' '), parentIssuer };
  if (!(await context.storage.issuedTokens.insert(row, ruling)))
    throw withdrawn('upstream_revoked');
  const act = actClaim(actorsOf(access, carried), context.issuer);
  const begun = performance.now();
  const authToken = await issueAuthToken(context.keys.current, {
    issuer: context.issuer,
    audience,
    confirmation: key.jwk,
    scope: scopes,
    agent: caller,
    subject,
    ...(act === undefined ? {} : { claims: { act } }),
    now,
    tokenId,
    lifetimeSeconds: expiresAt - now,
  });
  context.emit?.({
    type: 'token-issued',
    kind: 'exchange',
    jti: tokenId,
    agent: caller,
    audience,
    durationMilliseconds: performance.now() - begun,
  });
  return { auth_token: authToken, expires_in: expiresAt - now, token_type: 'Bearer' };
}

function checkAsked({ caller, resourceToken }: VerifiedExchange): void {
  if (resourceToken.authRequestUrl !== undefined || resourceToken.scope.length === 0) {
    throw new AAuthError('invalid_request', 'A token is exchanged for scopes only.', {
      rule: 'exchange_without_scope',
    });
  }
  // Its token would be a sign-in token (PROTOCOL section 5.6).
  if (resourceToken.resource === caller) {
    throw new AAuthError('invalid_request', 'A resource needs no token to call itself.', {
      rule: 'audience_is_caller',
    });
  }
}

/** Our own tokens are in the ledger, and stand while their grant does and its person is enabled. */
async function standingParent(
  { storage }: ServerContext,
  tokenId: string | undefined,
): Promise<IssuedTokenRecord> {
  const row = tokenId === undefined ? undefined : await storage.issuedTokens.find(tokenId);
  if (row?.kind !== 'auth') throw withdrawn('upstream_unknown');
  if (!(await storage.issuedTokens.isLive(row.jti))) throw withdrawn('upstream_revoked');
  return row;
}

function withdrawn(rule: string): AAuthError {
  return new AAuthError('invalid_token', 'The upstream token is not valid any more.', { rule });
}

function checkDepth({ maxActors }: ServerContext, actors: readonly Actor[]): void {
  if (actors.length < maxActors) return;
  throw new AAuthError(
    'access_denied',
    `A chain of more than ${maxActors} actors is not continued here.`,
    { rule: 'chain_too_deep' },
  );
}

/** Asks policy; returns whether persons' names go into the new token, and the rule that granted it. */
async function decide(
  { policy, storage, clock }: ServerContext,
  request: Parameters<NonNullable<ServerContext['policy']['exchange']>>[0],
): Promise<{ readonly carried: boolean; readonly rule: string | undefined }> {
  const decision = (await policy.exchange?.(request)) ?? { decision: 'deny' as const };
  const rule = ruleOf(decision);
  if (decision.decision !== 'grant') {
    await storage.audit.record({
      time: clock(),
      act: 'access-refused',
      by: 'policy',
      agent: request.caller,
      audience: request.audience,
      scope: request.scopes.join(' '),
      rule: rule ?? null,
      means: 'exchange',
    });
    throw new AAuthError('access_denied', 'The policy of this auth server does not allow it.', {
      rule: 'exchange_denied',
    });
  }
  return { carried: !request.upstream.foreign || decision.carrySubject === true, rule };
}

/** The chain of the new token: the upstream agent first, as the upstream token named it. */
function actorsOf(upstream: UpstreamAccess, carrySubjects: boolean): readonly Actor[] {
  const { agent, delegate, subject, issuer, actors } = upstream;
  const all = [{ agent, delegate, subject, issuer }, ...actors];
  return carrySubjects ? all : all.map((actor) => ({ ...actor, subject: undefined }));
}
