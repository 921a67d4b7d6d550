import { sha256Text } from '@countersign/httpsig';
import {
  AAuthError,
  type ServerIdentifier,
  upstreamTokenText,
  type VerifiedAuthToken,
} from '@countersign/protocol';
import { type AccessSource, OWN_PERSON } from './access.js';
import type { AgentContext } from './context.js';
import type { AccessRequest } from './exploratory/challenge-checks.js';
import type { TokenEndpoint } from './exploratory/token-endpoint.js';
import { covers, type HeldToken, isUsable } from './held-token.js';
import { keepToken } from './keep-token.js';
import type { Agent } from './options.js';
import { createSignedFetch } from './signed-fetch.js';
import { type UpstreamSession, UpstreamSessions } from './upstream-sessions.js';

/** What a resource's handler was called with: its `access` of level `authorization`. */
export interface Upstream {
  readonly token: VerifiedAuthToken;
}

/**
 * Makes `agent.onBehalfOf` (PROTOCOL section 5.8): calls as this resource, and exchanges the token it was called with
 * where a challenge asks for one.
 */
export function createOnBehalfOf(
  context: AgentContext,
  endpoint: TokenEndpoint,
): Agent['onBehalfOf'] {
  const sessions = new UpstreamSessions();
  return ({ token }) => {
    const text = checkUpstream(token, context);
    return {
      fetch: async (input, init) => {
        const now = context.clock();
        if (token.expiresAt <= now) {
          throw new AAuthError('invalid_token', 'The token this was called with has expired.', {
            rule: 'upstream_expired',
            refusedBy: 'agent',
          });
        }
        const session = sessions.open(await sha256Text(text), token.expiresAt, now);
        // From the first request on it is known who calls (PROTOCOL section 5.8), however the agent begins otherwise.
        const own: AgentContext = {
          ...context,
          // Read anew at each step: they may change while the agent runs.
          get keys() {
            return context.keys;
          },
          scheme: 'jwks',
          store: session.store,
        };
        const upstream = { text, issuer: token.issuer };
        const source = exchangeSource(own, endpoint, session, upstream);
        return await createSignedFetch(own, source, OWN_PERSON)(input, init);
      },
    };
  };
}

/** The text of the upstream token, when this agent can exchange it. Throws `configuration_invalid`. */
function checkUpstream(token: VerifiedAuthToken, context: AgentContext): string {
  const refuse = (message: string): never => {
    throw new AAuthError('configuration_invalid', message);
  };
  if (context.climb !== 'authorization' || context.agentToken !== undefined) {
    refuse(
      "To call on behalf of others an agent signs with its own published key: leave out agentToken, and let climb be 'authorization'.",
    );
  }
  const text = upstreamTokenText(token);
  if (text === undefined) {
    return refuse(
      'Pass on the access that the guard gave to the handler itself, not a copy of it.',
    );
  }
  if (token.audience !== context.id) {
    refuse('The resource that was called and the agent that calls must have the same identifier.');
  }
  return text;
}

/** Tokens by exchange only: there is nothing to refresh, and the person is not here. */
function exchangeSource(
  context: AgentContext,
  endpoint: TokenEndpoint,
  session: UpstreamSession,
  upstream: { readonly text: string; readonly issuer: ServerIdentifier },
): AccessSource {
  return {
    obtain: async (_person, request, sent, signal) => {
      checkAuthServer(request, upstream.issuer, context);
      return await session.exchanging.share(
        request,
        (other) =>
          other.resource === request.resource &&
          other.authServer === request.authServer &&
          covers(other, request),
        async (abandoned) => {
          // Another call may have got one between this call's look into the store and now.
          const held = await heldFor(request, context, sent);
          if (held !== undefined) return held;
          const { authServer, resourceToken } = request;
          const form = { resourceToken, upstreamToken: upstream.text };
          const granted = await endpoint.exchange(authServer, form, abandoned);
          const once = { ...granted, refreshToken: undefined };
          return await keepToken(context, OWN_PERSON.key, once, request, session.expiresAt);
        },
        signal,
      );
    },
    refresh: () => Promise.resolve(undefined),
    visit: (_person, resource: ServerIdentifier) =>
      Promise.reject(
        new AAuthError(
          'challenge_refused',
          `${resource} wants the person at a page of its own, and this is called on their behalf.`,
          { rule: 'person_absent' },
        ),
      ),
  };
}

/** The called resource names the auth server, and must not choose by that who reads for whom this agent was called. */
function checkAuthServer(
  { authServer, resource }: AccessRequest,
  issuer: ServerIdentifier,
  { exchangeAt }: AgentContext,
): void {
  if (authServer === issuer || exchangeAt.includes(authServer)) return;
  throw new AAuthError(
    'challenge_refused',
    `${resource} names the auth server ${authServer}, which did not issue the token this was called with; ` +
      'name it in exchangeAt if it may see such tokens.',
    { rule: 'exchange_elsewhere', refusedBy: 'agent' },
  );
}

async function heldFor(
  request: AccessRequest,
  { id, keys, clock, store }: AgentContext,
  sent: ReadonlySet<string>,
): Promise<HeldToken | undefined> {
  const own = { agent: id, keyThumbprint: keys.current.thumbprint, now: clock() };
  const held = await store.tokens(OWN_PERSON.key, request.resource);
  return held.find(
    (one) =>
      one.authServer === request.authServer &&
      covers(one, request) &&
      isUsable(one, own) &&
      !sent.has(one.token),
  );
}
