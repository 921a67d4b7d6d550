import {
  AAuthError,
  parseScope,
  parseServerIdentifier,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { Access, Person } from './access.js';
import { mayProve } from './climb.js';
import type { AgentContext } from './context.js';
import { requestResourceToken } from './exploratory/resource-token-endpoint.js';
import { covers, type HeldToken, isDueForRenewal, isUsable, narrowest } from './held-token.js';
import { Flights } from './shared-flight.js';

export interface AuthorizeOptions {
  /** What is needed, in the resource's own scope names: one to 64 of them. */
  readonly scopes: readonly string[];
  /** Gives up this call; others that wait for the same go on. */
  readonly signal?: AbortSignal;
}

/** What is held after {@link Authorize}. The token itself stays with the agent. */
export interface Authorization {
  readonly resource: ServerIdentifier;
  /** The auth server that granted it. */
  readonly authServer: ServerIdentifier;
  /** What it was granted for: at least the scopes that were wanted. */
  readonly scope: readonly string[];
  /** Unix seconds. The agent renews it by itself where it may. */
  readonly expiresAt: number;
}

/**
 * Gets access to a resource before it is called (PROTOCOL section 5.10): a token that is held and covers `scopes` serves, then
 * one that can be renewed, and only then the resource is asked for a resource token and its auth server for a token,
 * with the person's approval if need be. The next `fetch` there sends the token at once.
 *
 * `resource` is a server identifier: an https origin without a path. Rejects with `AAuthError`:
 * - `configuration_invalid`: no server identifier, no or malformed scopes, or an agent that may not climb so far;
 * - `discovery_failed`: its metadata cannot be had, or (rule `resource_token_endpoint_missing`) names no such endpoint;
 * - `invalid_scope` and other codes the resource names (`refusedBy: 'resource'`);
 * - `challenge_refused`: the resource token is not for this agent, key, resource or auth server, or asks for other
 *   scopes than these (rule `scope_other`);
 * - `insufficient_scope`: the auth server granted less; what it granted is kept for `fetch`;
 * - what `fetch` rejects with when a token cannot be had.
 *
 * Does not check that the resource will accept the token: the first call shows it.
 */
export type Authorize = (
  resource: string | URL,
  options: AuthorizeOptions,
) => Promise<Authorization>;

/** Makes `authorize` for the people of one agent; calls for the same thing share one flow. */
export function createAuthorize(
  context: AgentContext,
  access: Access,
): (person: Person) => Authorize {
  const flights = new Flights<string, HeldToken>();
  return (person) =>
    async (resource, { scopes, signal }) => {
      signal?.throwIfAborted();
      const id = resourceOf(resource, context);
      const scope = scopesOf(scopes);
      if (!mayProve(context.climb, 'authorization')) {
        refuse("This agent may not be authorised: leave out climb, or set it to 'authorization'.");
      }
      const purpose = JSON.stringify([person.key, person.returnTo, id, scope.toSorted()]);
      const { authServer, ...held } = await flights.share(
        purpose,
        (other) => other === purpose,
        (abandoned) => obtain(context, access, person, id, scope, abandoned),
        signal,
      );
      // An agent that begins with its bare key shows this from now on.
      if (context.scheme === 'hwk') context.climbed.set(person.key, id, 'authorization');
      return { resource: id, authServer, scope: held.scope, expiresAt: held.expiresAt };
    };
}

async function obtain(
  context: AgentContext,
  access: Access,
  person: Person,
  resource: ServerIdentifier,
  scope: readonly string[],
  signal: AbortSignal,
): Promise<HeldToken> {
  const { id, keys, clock, store } = context;
  const own = { agent: id, keyThumbprint: keys.current.thumbprint, now: clock() };
  const all = await store.tokens(person.key, resource);
  const fitting = all.filter((one) => covers(one, { scope }));
  const usable = narrowest(fitting.filter((one) => isUsable(one, own)));
  if (usable !== undefined) {
    if (isDueForRenewal(usable, own.now)) access.renewAhead(person, usable);
    return usable;
  }
  for (const one of fitting.filter(({ agent }) => agent === id)) {
    const renewed = await access.refresh(person, one, signal);
    if (renewed !== undefined) return renewed;
  }
  const request = await requestResourceToken(context, resource, scope, signal);
  const granted = await access.obtain(person, request, new Set(), signal);
  if (covers(granted, request)) return granted;
  const text = `The auth server ${granted.authServer} granted less than was asked for.`;
  throw new AAuthError('insufficient_scope', text, {
    rule: 'granted_less',
    refusedBy: 'auth-server',
    retry: 'ask-person-again',
  });
}

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}

function resourceOf(resource: string | URL, { identifiers }: AgentContext): ServerIdentifier {
  // A `URL` ends in a slash whatever it was made of.
  const text = resource instanceof URL ? resource.href.replace(/\/$/, '') : resource;
  return parseServerIdentifier(text, 'The resource', identifiers);
}

function scopesOf(scopes: readonly string[]): readonly string[] {
  const separate = Array.isArray(scopes) && !scopes.some((one) => String(one).includes(' '));
  return (
    (separate ? parseScope(scopes.join(' ')) : undefined) ??
    refuse('scopes must be 1 to 64 scope names without spaces, such as ["data.read"].')
  );
}
