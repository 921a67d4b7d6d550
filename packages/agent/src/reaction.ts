import { AAuthError, type Challenge, isAAuthError, parseChallenge } from '@countersign/protocol';
import {
  type AccessRequest,
  checkAccessChallenge,
  checkInteractionChallenge,
  type Expected,
} from './exploratory/challenge-checks.js';
import { type Climb, mayProve } from './climb.js';
import { covers, type HeldToken, isUsable, narrowest, type Wanted } from './held-token.js';
import {
  decideRedirect,
  isRedirect,
  type RedirectSituation,
  type RedirectStep,
} from './redirect.js';

/** What a response says that matters here. */
export interface Answer {
  readonly status: number;
  /** The `Agent-Auth` header. */
  readonly agentAuth: string | null;
  /** The `Location` header. */
  readonly location: string | null;
}

/** How the request that was answered had been signed. */
export type Signing =
  | { readonly by: 'key' }
  | { readonly by: 'identity' }
  | { readonly by: 'token'; readonly token: HeldToken }
  /** An exchange: shows the token this agent was called with, as a resource, and signs with its own key. */
  | { readonly by: 'upstream'; readonly token: string };

/** What the agent knows and has already tried for this call. */
export interface Situation extends Expected, RedirectSituation {
  readonly signing: Signing;
  /** How much the agent may prove. */
  readonly climb: Climb;
  /** Everything held for this person at this resource, the newest first. */
  readonly held: readonly HeldToken[];
  /** Tokens this call has already sent. */
  readonly sent: ReadonlySet<string>;
  /** Refresh tokens this call has already used. */
  readonly refreshed: ReadonlySet<string>;
  /** Tokens that were fetched anew during this call. */
  readonly freshTokens: number;
  /** Times a person was sent to a page of the resource during this call. */
  readonly visits: number;
  /** What this route, or one near it, asked for before. */
  readonly remembered?: Wanted | undefined;
}

/** What to do next. `drop` is a token that the resource no longer takes; `request` is what it asked for. */
export type Step =
  | { readonly kind: 'deliver' }
  | RedirectStep
  | { readonly kind: 'retry-with-identity' }
  | {
      readonly kind: 'retry-with-token' | 'refresh-token';
      readonly token: HeldToken;
      readonly request: AccessRequest;
      readonly drop?: HeldToken;
    }
  | { readonly kind: 'ask-for-token'; readonly request: AccessRequest; readonly drop?: HeldToken }
  | { readonly kind: 'send-person'; readonly url: string }
  | { readonly kind: 'give-up'; readonly error: AAuthError };

/** How the first request of a call is signed, or what must be had before it. */
export type Start = Signing | { readonly by: 'refresh'; readonly token: HeldToken };

/** A resource that asks again after this many fresh tokens is not asked a third time (PROTOCOL section 5.12). */
const MAX_FRESH_TOKENS = 2;

/**
 * Chooses how to begin at `level`. At `authorization`, where it is remembered what the route asks for: the narrowest good
 * token that covers it, else one that covers it once renewed; then any good token, else one that can be renewed, else the
 * agent's own identity. An auth token is used from that level on only.
 */
export function begin(
  situation: Pick<
    Situation,
    'held' | 'refreshed' | 'agent' | 'keyThumbprint' | 'now' | 'remembered'
  >,
  level: Climb = 'authorization',
): Start {
  if (level === 'signature') return { by: 'key' };
  if (level === 'identity') return { by: 'identity' };
  const { held, remembered } = situation;
  const fitting = remembered === undefined ? [] : held.filter((one) => covers(one, remembered));
  const good = (tokens: readonly HeldToken[]) =>
    tokens.filter((one) => isUsable(one, ownOf(situation)));
  const renewable = (tokens: readonly HeldToken[]) =>
    tokens.find((one) => canRefresh(one, situation));
  const token = narrowest(good(fitting));
  if (token !== undefined) return { by: 'token', token };
  const renewed = renewable(fitting);
  if (renewed !== undefined) return { by: 'refresh', token: renewed };
  const [any] = good(held);
  if (any !== undefined) return { by: 'token', token: any };
  const other = renewable(held);
  return other === undefined ? { by: 'identity' } : { by: 'refresh', token: other };
}

/** The level that a call begins at: what the agent began with, or what the resource asked for of late. */
export function beginningLevel(
  scheme: 'hwk' | 'jwks',
  climb: Climb,
  remembered: Climb | undefined,
): Climb {
  const level = scheme === 'hwk' ? (remembered ?? 'signature') : climb;
  return mayProve(climb, level) ? level : climb;
}

/**
 * Decides what a response asks for (PROTOCOL sections 4 and 5.12). Pure: no I/O, no clock, no memory. Never throws for
 * anything a server sent.
 */
export function react(answer: Answer, situation: Situation): Step {
  if (isRedirect(answer.status) && answer.location !== null) {
    return decideRedirect(answer.status, answer.location, situation);
  }
  if (answer.agentAuth === null || !ASKING.includes(answer.status)) return deliver;
  // A pseudonymous agent was told so by its program: it climbs nowhere, and the program sees the answer.
  if (situation.climb === 'signature') return deliver;
  try {
    return answerChallenge(answer.status, answer.agentAuth, situation);
  } catch (error) {
    if (isAAuthError(error, 'challenge_refused')) return { kind: 'give-up', error };
    throw error;
  }
}

const deliver: Step = { kind: 'deliver' };

/** Statuses with which a resource may ask for more (PROTOCOL section 4). */
export const ASKING: readonly number[] = [401, 403, 429];

/** How much must be proved to answer a challenge. */
const ASKS_FOR = {
  signature: 'signature',
  identity: 'identity',
  'auth-token': 'authorization',
  interaction: 'authorization',
} as const satisfies Record<Challenge['kind'], Climb>;

function answerChallenge(status: number, header: string, situation: Situation): Step {
  const challenge = parseChallenge(header);
  const { climb, signing } = situation;
  // What the program did not allow it to prove is not proved: the program sees the answer.
  if (!mayProve(climb, ASKS_FOR[challenge.kind])) return deliver;
  if (signing.by === 'key') {
    // Whatever more is asked for, who asks must first know whom. A page of the resource is for people of known agents.
    return challenge.kind === 'identity' || challenge.kind === 'auth-token'
      ? { kind: 'retry-with-identity' }
      : deliver;
  }
  switch (challenge.kind) {
    case 'signature':
    case 'identity':
      // A token the resource no longer takes is answered so too (another trusted auth server, for one): show the
      // identity instead, once, and let it say what it wants. Where the identity was shown there is nothing to add.
      return status === 401 && signing.by === 'token' ? { kind: 'retry-with-identity' } : deliver;
    case 'auth-token':
      return answerAccessChallenge(status, checkAccessChallenge(challenge, situation), situation);
    case 'interaction': {
      const url = checkInteractionChallenge(challenge, situation);
      return situation.visits >= MAX_FRESH_TOKENS ? unmet(situation) : { kind: 'send-person', url };
    }
  }
}

function answerAccessChallenge(status: number, request: AccessRequest, situation: Situation): Step {
  const { signing, sent } = situation;
  const current = signing.by === 'token' ? signing.token : undefined;
  // 429 at the level that was asked for: waiting is all that helps, and that is the caller's decision.
  if (status === 429 && current !== undefined && covers(current, request)) return deliver;
  const own = ownOf(situation);
  const fitting = situation.held.filter(
    (one) => one.authServer === request.authServer && covers(one, request),
  );
  const drop =
    status === 401 && current?.authServer === request.authServer ? { drop: current } : {};
  const usable = narrowest(fitting.filter((one) => !sent.has(one.token) && isUsable(one, own)));
  if (usable !== undefined) return { kind: 'retry-with-token', token: usable, request, ...drop };
  if (situation.freshTokens >= MAX_FRESH_TOKENS) return unmet(situation);
  // Renewing brings no more scope, so it is an answer to 401 only.
  const renewable = status === 401 ? fitting.find((one) => canRefresh(one, situation)) : undefined;
  return renewable === undefined
    ? { kind: 'ask-for-token', request, ...drop }
    : { kind: 'refresh-token', token: renewable, request, ...drop };
}

function ownOf(situation: Pick<Situation, 'agent' | 'keyThumbprint' | 'now'>) {
  const { agent, keyThumbprint, now } = situation;
  return { agent, keyThumbprint, now };
}

function canRefresh(held: HeldToken, situation: Pick<Situation, 'agent' | 'refreshed'>): boolean {
  const { refreshToken } = held;
  return (
    refreshToken !== undefined &&
    held.agent === situation.agent &&
    !situation.refreshed.has(refreshToken)
  );
}

function unmet(situation: Situation): Step {
  const error = new AAuthError(
    'challenge_unmet',
    `${situation.resource} asks again although it was given what it asked for.`,
  );
  return { kind: 'give-up', error };
}
