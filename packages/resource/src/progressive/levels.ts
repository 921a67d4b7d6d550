import { AAuthError } from '@countersign/protocol';
import type { AgentFilter, AgentList } from '../agent-list.js';
import { checkScopes } from '../known-scopes.js';

/** How often callers of one level may come. */
export interface LevelLimit {
  /** Requests of one caller within a minute, at least 1. */
  readonly perMinute: number;
}

/** A limit for callers of whom one party can make as many as it likes. */
export interface SharedLevelLimit extends LevelLimit {
  /**
   * Requests within a minute of all callers that one party could have made up, at least `perMinute`. Default
   * `perMinute`: then it makes no difference how many there are.
   */
  readonly perMinuteTogether?: number;
}

/**
 * The levels of a route that takes only signed requests. A level that is left out is not accepted by itself: its
 * callers count at the next weaker accepted one, or are challenged (401) up to the lowest accepted one. A level that is
 * `'blocked'` is refused (403) with a challenge up to the next accepted one.
 */
export interface SignedLevels {
  readonly unsigned?: 'blocked';
  /** The same key over time, counted by its thumbprint. `perMinuteTogether`: all bare keys of one remote address. */
  readonly signature?: SharedLevelLimit | 'blocked';
  /** A verifiable agent, counted with its delegate. `perMinuteTogether`: all delegates of one agent. */
  readonly identity?: SharedLevelLimit | 'blocked';
  /**
   * An auth token with these scopes, counted by agent, delegate and person. `perMinuteTogether`: all delegates of one
   * agent for one person.
   */
  readonly authorization?: SharedLevelLimit & { readonly scopes: readonly string[] };
}

/** The levels of a route that also takes unsigned requests, counted by remote address. */
export type OpenLevels = Omit<SignedLevels, 'unsigned'> & { readonly unsigned: LevelLimit };

interface Progressive<L> {
  readonly levels: L;
  /**
   * Routes of one resource that name the same counter count together. Default: routes with the very same levels do.
   */
  readonly counter?: string;
  /** Which agents are let in. An allow list cannot stand beside levels that take callers who name no agent. */
  readonly agents?: AgentList;
}

/** A route with a limit for each level of proof, of which none is "unsigned". */
export type ProgressiveRequirement = Progressive<SignedLevels>;

/** A route with a limit for each level of proof that also takes unsigned requests. */
export type OpenRequirement = Progressive<OpenLevels>;

export type LevelName = 'unsigned' | 'signature' | 'identity' | 'authorization';

/** Weakest first. */
export const LEVEL_NAMES: readonly LevelName[] = [
  'unsigned',
  'signature',
  'identity',
  'authorization',
];

/** A level as it is worked with. */
export interface Level {
  readonly name: LevelName;
  readonly limit: 'blocked' | { readonly perMinute: number; readonly together: number };
}

/** A progressive requirement that has been checked. */
export interface ProgressiveRule {
  /** The levels that the route names, weakest first. */
  readonly levels: readonly Level[];
  /** What the level `authorization` asks for; empty when there is none. */
  readonly scopes: readonly string[];
  readonly counter: string;
  readonly agents: AgentFilter | undefined;
}

const MOST = 2_147_483_647;

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}

function readLimit(name: LevelName, given: unknown): Level['limit'] {
  if (given === 'blocked' && name !== 'authorization') return 'blocked';
  if (typeof given !== 'object' || given === null) {
    return refuse(`The level ${name} is not a limit such as { perMinute: 100 }.`);
  }
  const { perMinute, perMinuteTogether = perMinute } = given as Record<string, unknown>;
  const isCount = (value: unknown): value is number =>
    Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MOST;
  if (!isCount(perMinute)) {
    return refuse(`perMinute of the level ${name} must be a whole number from 1 to ${MOST}.`);
  }
  if (!isCount(perMinuteTogether) || perMinuteTogether < perMinute) {
    return refuse(
      `perMinuteTogether of the level ${name} must be a whole number from perMinute to ${MOST}.`,
    );
  }
  return { perMinute, together: perMinuteTogether };
}

/**
 * Checks a progressive requirement when the route is made. Throws `configuration_invalid` for a level that is unknown
 * or no limit, a route that accepts nobody, an unknown scope, and an allow list beside levels that name no agent.
 */
export function readProgressive(
  { levels, counter }: Pick<ProgressiveRequirement | OpenRequirement, 'levels' | 'counter'>,
  agents: AgentFilter | undefined,
  known: Readonly<Record<string, string>>,
): ProgressiveRule {
  const given = new Map(Object.entries(levels).filter(([, limit]) => limit !== undefined));
  const unknown = [...given.keys()].filter((name) => !LEVEL_NAMES.some((one) => one === name));
  if (unknown.length > 0) {
    refuse(`There is no level ${unknown.join(', ')}: levels are ${LEVEL_NAMES.join(', ')}.`);
  }
  const read: Level[] = LEVEL_NAMES.flatMap((name) =>
    given.has(name) ? [{ name, limit: readLimit(name, given.get(name)) }] : [],
  );
  const accepted = read.filter(({ limit }) => limit !== 'blocked');
  if (accepted.length === 0) refuse('A progressive route must accept at least one level.');
  const { authorization } = levels;
  if (authorization !== undefined) checkScopes(authorization.scopes, known);
  return {
    levels: read,
    scopes: authorization?.scopes ?? [],
    // The same words in another order are the same levels: replicas must agree on the name.
    counter: counter ?? JSON.stringify([read, authorization?.scopes ?? []]),
    agents,
  };
}
