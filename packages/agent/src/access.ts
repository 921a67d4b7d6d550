import {
  authServerMetadata,
  type ErrorCode,
  hashSecret,
  isAAuthError,
  randomSecret,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { AgentContext } from './context.js';
import type { AccessRequest } from './exploratory/challenge-checks.js';
import { consentUrl, visitUrl } from './exploratory/consent-url.js';
import type { TokenEndpoint } from './exploratory/token-endpoint.js';
import { covers, type HeldToken, isUsable, type Wanted } from './held-token.js';
import { keepToken } from './keep-token.js';
import type { PendingFlows } from './pending-flows.js';
import { Flights } from './shared-flight.js';

/** For whom access is got. */
export interface Person {
  readonly key: string;
  readonly returnTo?: string;
}

/** The key of `agent.fetch`; `agent.for` refuses it, so that it cannot be somebody else's. */
export const OWN_PERSON: Person = { key: '' };

interface Purpose extends Wanted {
  readonly personKey: string;
  readonly returnTo: string | undefined;
  readonly resource: string;
  readonly authServer: string;
}

/** Where a call gets what it is challenged for. Where nothing can be renewed, nothing is renewed ahead. */
export type AccessSource = Pick<Access, 'obtain' | 'refresh' | 'visit'> &
  Partial<Pick<Access, 'renewAhead'>>;

/** Seconds for which renewing ahead is let be after it has failed. */
const RENEWAL_PAUSE_SECONDS = 30;
/** Refresh tokens whose failure is remembered at a time. */
const MAX_PAUSED = 256;

/** Gets tokens: asks auth servers, sends people to pages, renews. Calls for the same thing share one flow. */
export class Access {
  readonly #context: AgentContext;
  readonly #endpoint: TokenEndpoint;
  readonly #pending: PendingFlows;
  readonly #obtaining = new Flights<Purpose, HeldToken>();
  readonly #refreshing = new Flights<string, HeldToken | undefined>();
  readonly #visiting = new Flights<string, void>();
  /** Unix seconds before which a renewal is not tried ahead again. */
  readonly #paused = new Map<string, number>();

  constructor(context: AgentContext, endpoint: TokenEndpoint, pending: PendingFlows) {
    this.#context = context;
    this.#endpoint = endpoint;
    this.#pending = pending;
  }

  /** A token for a challenge that has been checked. `sent` are tokens that did not do. */
  obtain(
    person: Person,
    request: AccessRequest,
    sent: ReadonlySet<string>,
    signal: AbortSignal | undefined,
  ): Promise<HeldToken> {
    const { resource, authServer, scope, authRequestUrl } = request;
    const { key: personKey, returnTo } = person;
    const purpose = { personKey, returnTo, resource, authServer, scope, authRequestUrl };
    return this.#obtaining.share(
      purpose,
      (other) =>
        other.personKey === personKey &&
        other.returnTo === returnTo &&
        other.resource === resource &&
        other.authServer === authServer &&
        covers(other, purpose),
      (abandoned) => this.#ask(person, request, sent, abandoned),
      signal,
    );
  }

  /**
   * Renews a token (PROTOCOL section 5.4); `undefined` when the auth server refuses to. Then the refresh token is
   * forgotten, and the token with it unless it is still good: what has been issued lives out its time. Throws what the
   * auth server's being away, or our own identity's being refused, throws.
   */
  refresh(
    person: Person,
    held: HeldToken,
    signal: AbortSignal | undefined,
  ): Promise<HeldToken | undefined> {
    const purpose = renewalPurpose(person, held);
    return this.#refreshing.share(
      purpose,
      (other) => other === purpose,
      (abandoned) => this.#renew(person, held, abandoned),
      signal,
    );
  }

  /**
   * Begins to renew a token that is still good, and returns at once: nobody waits for it, and nobody is told when it
   * fails. Whoever needs the token once it has run out tries again, and waits.
   */
  renewAhead(person: Person, held: HeldToken): void {
    const { clock } = this.#context;
    const purpose = renewalPurpose(person, held);
    if ((this.#paused.get(purpose) ?? 0) > clock()) return;
    this.refresh(person, held, undefined).then(
      () => this.#paused.delete(purpose),
      (error: unknown) => {
        const wait = isAAuthError(error) ? error.retryAfterSeconds : undefined;
        this.#paused.set(purpose, clock() + Math.max(wait ?? 0, RENEWAL_PAUSE_SECONDS));
        for (const oldest of this.#paused.keys()) {
          if (this.#paused.size <= MAX_PAUSED) break;
          this.#paused.delete(oldest);
        }
      },
    );
  }

  /** Sends a person to a page of the resource; the code they come back with is then in the store. */
  visit(
    person: Person,
    resource: ServerIdentifier,
    page: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock, random, redirectUri, interactionTimeoutSeconds } = this.#context;
    const purpose = JSON.stringify([person.key, person.returnTo, resource, page]);
    return this.#visiting.share(
      purpose,
      (other) => other === purpose,
      async (abandoned) => {
        const state = randomSecret(random, 256);
        const flow = {
          kind: 'visit' as const,
          ...flowOwner(person),
          resource,
          expiresAt: clock() + interactionTimeoutSeconds,
        };
        const url = visitUrl(page, { redirectUri, state });
        await this.#pending.ask(flow, state, url, abandoned);
      },
      signal,
    );
  }

  async #ask(
    person: Person,
    request: AccessRequest,
    sent: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<HeldToken> {
    const { clock, random, redirectUri, discovery, interactionTimeoutSeconds } = this.#context;
    // Another call may have got one between this call's look into the store and now.
    const held = await this.#find(person, request, (one) => !sent.has(one.token));
    if (held !== undefined) return held;
    const { authServer, resource, resourceToken, scope, authRequestUrl } = request;
    const state = randomSecret(random, 256);
    const form = { resourceToken, redirectUri, state };
    const answer = await this.#endpoint.requestAccess(authServer, form, signal);
    if (answer.kind === 'token') return await keepToken(this.#context, person.key, answer, request);
    const { authEndpoint } = await discovery.metadata(authServerMetadata, authServer);
    const flow = {
      kind: 'consent' as const,
      ...flowOwner(person),
      resource,
      authServer,
      scope,
      ...(authRequestUrl === undefined ? {} : { authRequestUrl }),
      expiresAt: clock() + Math.min(interactionTimeoutSeconds, answer.expiresIn),
    };
    const { requestToken } = answer;
    const url = consentUrl(authEndpoint, { requestToken, redirectUri, state });
    const granted = await this.#pending.ask(flow, state, url, signal);
    if (granted?.kind !== 'granted') throw new TypeError('a consent flow ends with a token');
    return granted.token;
  }

  async #renew(
    person: Person,
    held: HeldToken,
    signal: AbortSignal,
  ): Promise<HeldToken | undefined> {
    const { refreshToken } = held;
    if (refreshToken === undefined) return undefined;
    const { store } = this.#context;
    const work = () => this.#renewAlone(person, held, refreshToken, signal);
    if (store.alone === undefined) return await work();
    // A hash, for the store may write it where others can read it.
    return await store.alone(await hashSecret(renewalPurpose(person, held)), work, signal);
  }

  async #renewAlone(
    person: Person,
    held: HeldToken,
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<HeldToken | undefined> {
    const { store } = this.#context;
    const newer = await this.#find(person, held, (one) => one.token !== held.token);
    if (newer !== undefined) return newer;
    // A delegate that gets no agent token has not been refused by the auth server, and keeps what it holds.
    await this.#context.agentToken?.();
    try {
      const answer = await this.#endpoint.refresh(held.authServer, refreshToken, signal);
      const renewed = { ...answer, refreshToken: answer.refreshToken ?? refreshToken };
      return await keepToken(this.#context, person.key, renewed, held);
    } catch (error) {
      if (!isAAuthError(error) || !REFUSALS.has(error.code)) throw error;
      if (isUsable(held, this.#own())) {
        await store.dropRefreshToken(person.key, held.resource, held.token);
      } else {
        await store.removeToken(person.key, held.resource, held.token);
      }
      return undefined;
    }
  }

  /** A token in the store that can be used for what is wanted. */
  async #find(
    person: Person,
    wanted: Wanted & { readonly resource: string; readonly authServer: string },
    suits: (held: HeldToken) => boolean,
  ): Promise<HeldToken | undefined> {
    const own = this.#own();
    const held = await this.#context.store.tokens(person.key, wanted.resource);
    return held.find(
      (one) =>
        one.authServer === wanted.authServer &&
        covers(one, wanted) &&
        isUsable(one, own) &&
        suits(one),
    );
  }

  #own() {
    const { id, keys, clock } = this.#context;
    return { agent: id, keyThumbprint: keys.current.thumbprint, now: clock() };
  }
}

function renewalPurpose(person: Person, { resource, authServer, refreshToken }: HeldToken): string {
  return JSON.stringify([person.key, resource, authServer, refreshToken]);
}

/** Answers about the grant, for which a refresh token is given up; others are about the moment, or about us. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unsupported_request_type',
  'access_denied',
  'insufficient_scope',
  'response_invalid',
]);

function flowOwner(person: Person) {
  const { key: personKey, returnTo } = person;
  return { personKey, ...(returnTo === undefined ? {} : { returnTo }) };
}
