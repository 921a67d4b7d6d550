import {
  AAuthError,
  type AgentMetadata,
  agentMetadata,
  isAAuthError,
  randomSecret,
} from '@countersign/protocol';
import type { ResourceContext } from '../context.js';
import type { VisitEnd, VisitStep, Visit } from './connection-options.js';
import type { InteractionCaller } from './interaction-caller.js';
import type { InteractionLimit, InteractionStore } from './interaction-store.js';
import { Records } from './records.js';
import { createSealing } from './sealing.js';

export interface InteractionsOptions {
  /**
   * Where visits and connections are kept: `sqliteInteractionStore(file)` from `@countersign/resource/sqlite`,
   * `postgresInteractionStore(pool)` from `/postgres`, or `memoryInteractionStore()`.
   */
  readonly store: InteractionStore;
  /**
   * Keys that what is stored is encrypted with: 32 random bytes each, as base64url. The first encrypts, all decrypt. What
   * no key opens any more is as if it had never been.
   */
  readonly sealingKeys: readonly [string, ...string[]];
  /** Requests, visits and codes of one agent that may be open at a time; default 1,000. Beyond, its requests get 429. */
  readonly maxPendingPerAgent?: number;
  /** Of all agents together; default 100,000. */
  readonly maxPending?: number;
  /** Connections of one agent; default 100,000. Beyond, a code is answered with 429. */
  readonly maxConnectionsPerAgent?: number;
}

/** A connection as the shared machinery knows it: whatever it stores is opaque. */
export interface RegisteredConnection {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly lifetimeSeconds: number;
  readonly begin: (visit: Visit) => Promise<VisitStep<unknown>>;
}

/** Seconds that a challenge may wait for its person. */
export const REQUEST_SECONDS = 600;
/** Seconds that a person may take elsewhere. */
export const VISIT_SECONDS = 600;
/** Seconds between the person's return and the agent's request with the code. */
export const CODE_SECONDS = 300;

/** What the pages, the guards and the ends of visits share. */
export interface InteractionContext {
  readonly resource: ResourceContext;
  readonly records: Records;
  readonly pendingLimit: InteractionLimit;
  readonly connectionLimit: InteractionLimit;
  readonly connections: Map<string, RegisteredConnection>;
  readonly secret: () => string;
}

export function createInteractionContext(
  resource: ResourceContext,
  options: InteractionsOptions,
): InteractionContext {
  const { maxPendingPerAgent = 1000, maxPending = 100_000 } = options;
  const { maxConnectionsPerAgent = 100_000 } = options;
  for (const [name, value] of Object.entries({
    maxPendingPerAgent,
    maxPending,
    maxConnectionsPerAgent,
  })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new AAuthError('configuration_invalid', `${name} must be a positive whole number.`);
    }
  }
  const { random } = resource;
  return {
    resource,
    records: new Records(options.store, createSealing(options.sealingKeys, random)),
    pendingLimit: { perOwner: maxPendingPerAgent, total: maxPending },
    connectionLimit: { perOwner: maxConnectionsPerAgent, total: Number.MAX_SAFE_INTEGER },
    connections: new Map(),
    secret: () => randomSecret(random, 256),
  };
}

/** The part of the store that an agent has is full: it has to wait until what it left open has expired. */
export function tooMany(agent: string): AAuthError {
  return new AAuthError('too_many_requests', 'Too much is open for this agent; try again later.', {
    rule: 'interaction_store_full',
    detail: agent,
    retryAfterSeconds: REQUEST_SECONDS,
  });
}

/** What an agent publishes of itself, for its name and its redirect URIs; `undefined` when it cannot be had. */
export async function publishedAgent(
  { resource: { discovery, report } }: InteractionContext,
  { agent }: InteractionCaller,
): Promise<AgentMetadata | undefined> {
  try {
    return await discovery.metadata(agentMetadata, agent);
  } catch (error) {
    if (!isAAuthError(error)) throw error;
    report(error);
    return undefined;
  }
}

export function isEnd<T>(step: VisitStep<T>): step is VisitEnd<T> {
  return !('redirect' in step);
}
