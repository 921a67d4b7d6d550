import type { ServerIdentifier } from '@countersign/protocol';
import type { TokenPerson } from './interaction-caller.js';

/** A person on a visit: for whom something is to be connected. */
export interface Visit {
  /** The agent that asked; the person has been told and has agreed to go on. */
  readonly agent: ServerIdentifier;
  readonly delegate: string | null;
  /** The person of the caller's auth token, when the route asks for one. */
  readonly person: TokenPerson | null;
  /**
   * 256 random bits that name this visit on its way through another server: the `state` of an OAuth request. Counts in
   * this browser only, for ten minutes, once.
   */
  readonly state: string;
}

/** What an application does with a person who goes on. */
export type VisitStep<T> =
  /** Sends them elsewhere; they come back to a route that calls `finish`. `keep` is stored for then, encrypted. */
  { readonly redirect: string | URL; readonly keep?: string } | VisitEnd<T>;

/** How a visit ends. */
export type VisitEnd<T> =
  /** With what the agent's requests are to be answered with: JSON, stored encrypted. */
  | { readonly connected: T }
  /** The person, or the other server, said no: the agent is told `access_denied`. */
  | { readonly denied: true };

export interface ConnectionOptions<T> {
  /** A name that stays, of `a-z 0-9 -`: what is stored is found by it. */
  readonly name: string;
  /** What is connected, to stand after "Let an agent use": `your calendar at Example Cloud`. */
  readonly title: string;
  /** One or two sentences: what the agent gets by it. */
  readonly description: string;
  /**
   * Called once a person has gone on. May throw: the person sees that something went wrong, and may try again.
   * Being called proves nothing about the person but that their browser posted the form.
   */
  readonly begin: (visit: Visit) => VisitStep<T> | Promise<VisitStep<T>>;
  /** Seconds that a connection lasts, from the visit on; default 30 days, at least 60, at most 365 days. */
  readonly lifetimeSeconds?: number;
}

const DAY = 86_400;
export const DEFAULT_LIFETIME_SECONDS = 30 * DAY;
export const MAX_LIFETIME_SECONDS = 365 * DAY;
