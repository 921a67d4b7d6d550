import type { ServerIdentifier } from '@countersign/protocol';
import type { HeldToken } from './held-token.js';

interface FlowBase {
  /** SHA-256 of `state`; the value itself is not kept. */
  readonly stateHash: string;
  /** SHA-256 of the browser's cookie, when a web application started the flow. */
  readonly browserHash?: string;
  readonly personKey: string;
  readonly resource: ServerIdentifier;
  readonly redirectUri: string;
  readonly returnTo?: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** A flow whose answer is awaited at the callback. */
export type PendingFlow =
  /** A person decides at an auth server (PROTOCOL section 5.2). */
  | (FlowBase & {
      readonly kind: 'consent';
      readonly authServer: ServerIdentifier;
      readonly scope: readonly string[];
      readonly authRequestUrl?: string;
    })
  /**
   * A person signs in to the agent itself (PROTOCOL section 5.6): `resource` is the agent. Nobody's yet, so its person
   * key is its own.
   */
  | (FlowBase & {
      readonly kind: 'sign-in';
      readonly authServer: ServerIdentifier;
      readonly scope: readonly string[];
    })
  /** A person does something at the resource itself (PROTOCOL section 5.11). */
  | (FlowBase & { readonly kind: 'visit' });

/**
 * Where an agent keeps tokens and pending flows, under (person key, resource, auth server). One store serves one agent.
 * `now` is Unix seconds; what is over by then may be forgotten. Values are secrets: keep them as such.
 */
export interface AgentStore {
  /** Everything held for a person at a resource, the newest first. Expired tokens only while they can be refreshed. */
  tokens(personKey: string, resource: string): Promise<readonly HeldToken[]>;
  /** Keeps a token in place of those of the same auth server that it covers. At most {@link MAX_TOKENS} stay. */
  saveToken(personKey: string, token: HeldToken, now: number): Promise<void>;
  /** Forgets that token, if it is still held. */
  removeToken(personKey: string, resource: string, token: string): Promise<void>;
  /** Keeps that token, if it is still held, without its refresh token, which the auth server no longer takes. */
  dropRefreshToken(personKey: string, resource: string, token: string): Promise<void>;
  /** Keeps a flow. A person has at most {@link MAX_FLOWS}; the oldest beyond that are dropped and returned. */
  addFlow(flow: PendingFlow, now: number): Promise<readonly PendingFlow[]>;
  findFlow(stateHash: string, now: number): Promise<PendingFlow | undefined>;
  /** All flows pending at `now`. */
  pendingFlows(now: number): Promise<readonly PendingFlow[]>;
  /** Removes and returns a flow in one step: of many callers exactly one gets it. */
  takeFlow(stateHash: string, now: number): Promise<PendingFlow | undefined>;
  /** Keeps the code with which a person came back from a resource's own page, for the next request there. */
  saveInteractionCode(personKey: string, resource: string, code: StoredCode): Promise<void>;
  /** Removes and returns that code in one step. */
  takeInteractionCode(
    personKey: string,
    resource: string,
    now: number,
  ): Promise<string | undefined>;
  /** Keeps the name under which a resource knows this person's visit, in place of an earlier one. */
  saveInteractionSession(
    personKey: string,
    resource: string,
    session: StoredCode,
    now: number,
  ): Promise<void>;
  /** That name, sent with every request of the person to the resource. */
  interactionSession(personKey: string, resource: string, now: number): Promise<string | undefined>;
  /**
   * Runs `work` while nobody else who shares the store, in any process, runs work for the same purpose, so that a token
   * is renewed once. Only a saving: work that runs twice does no harm. Without it flows are shared within one agent.
   * `purpose` holds no secret and is at most 64 characters of `A-Z a-z 0-9 - _`. Rejects with the signal's reason.
   */
  alone?<T>(purpose: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A secret of a resource, a single-use code or the name of a session, with its end in Unix seconds. */
export interface StoredCode {
  readonly code: string;
  readonly expiresAt: number;
}

/** Flows of one person that may be pending at a time. */
export const MAX_FLOWS = 16;
/** Tokens kept for one person at one resource. */
export const MAX_TOKENS = 8;
