import { AAuthError, type IdentifierOptions } from '@countersign/protocol';
import { type AgentFilter, type AgentList, readAgentList } from './agent-list.js';
import type { DocumentSource } from './document-desk.js';
import {
  type DocumentRequirement,
  type DocumentsKnown,
  readDocument,
} from './document-requirement.js';
import { checkScopes } from './known-scopes.js';
import {
  type OpenRequirement,
  type ProgressiveRequirement,
  type ProgressiveRule,
  readProgressive,
} from './progressive/levels.js';

const NO_STORE =
  'A route with levels needs the rateLimits of its resource: memoryRateLimitStore() or postgresRateLimitStore(pool).';

interface Listed {
  /** Which of the agents that prove themselves are let in; all of them without it. */
  readonly agents?: AgentFilter;
}

/** What a route asks of its callers, weakest first; a stronger proof always opens what a weaker one opens. */
export type Requirement = Listed &
  /** Any valid signature: the same key over time. */
  (
    | { readonly level: 'signature' }
    /** A verifiable agent. */
    | { readonly level: 'identity' }
    /** An auth token that covers every one of these scopes, and what the document says. */
    | {
        readonly level: 'authorization';
        readonly scopes: readonly string[];
        readonly document?: DocumentSource;
        readonly acceptDetails?: boolean;
      }
  );

/** What a route asks for that an auth token must grant. */
export interface AuthorizationRequirement extends DocumentRequirement {
  readonly scopes: readonly string[];
  readonly agents?: AgentList;
}

/** A requirement as a route writes it: a level, or the scopes it asks for; with a list, only those agents. */
export type RouteRequirement =
  | 'signature'
  | 'identity'
  | { readonly level: 'identity'; readonly agents?: AgentList }
  | AuthorizationRequirement;

/** Every way to write a route's requirement. */
export type AnyRequirement = RouteRequirement | ProgressiveRequirement | OpenRequirement;

/** What routes are checked against when they are made. */
export interface RequirementSettings extends IdentifierOptions {
  readonly scopes: Readonly<Record<string, string>>;
  /** The list of the whole resource. */
  readonly agents?: AgentFilter | undefined;
  /** Whether the resource can count at all. */
  readonly hasRateLimits?: boolean;
  readonly documents?: DocumentsKnown;
}

/** Checks a route's requirement when the route is made, so that a misspelled scope fails at start and not at a caller. */
export function readRequirement(
  requirement: RouteRequirement,
  settings: RequirementSettings,
): Requirement {
  if (requirement === 'signature') {
    refuseAllowList('signature', [settings.agents]);
    return { level: requirement };
  }
  if (requirement === 'identity') return { level: requirement };
  const agents = filterOf(requirement, settings);
  const listed = agents === undefined ? {} : { agents };
  if (!('scopes' in requirement)) {
    if (requirement.level === 'identity') return { level: 'identity', ...listed };
    throw new AAuthError(
      'configuration_invalid',
      "A route asks for 'signature', 'identity', { level: 'identity', agents }, { scopes } or { levels }.",
    );
  }
  checkScopes(requirement.scopes, settings.scopes);
  const { scopes, document, acceptDetails } = requirement;
  return {
    level: 'authorization',
    scopes,
    ...listed,
    ...(document === undefined
      ? {}
      : { document: readDocument(document, scopes, settings.documents) }),
    ...(acceptDetails === undefined ? {} : { acceptDetails }),
  };
}

/** Checks a progressive requirement when the route is made. */
export function readProgressiveRequirement(
  requirement: ProgressiveRequirement | OpenRequirement,
  settings: RequirementSettings,
): ProgressiveRule {
  if (settings.hasRateLimits !== true) throw new AAuthError('configuration_invalid', NO_STORE);
  const agents = filterOf(requirement, settings);
  const rule = readProgressive(requirement, agents, settings.scopes);
  const nameless = rule.levels.find(
    ({ name, limit }) => limit !== 'blocked' && (name === 'unsigned' || name === 'signature'),
  );
  if (nameless !== undefined) refuseAllowList(nameless.name, [agents, settings.agents]);
  return rule;
}

function filterOf(
  { agents }: { readonly agents?: AgentList },
  identifiers: IdentifierOptions,
): AgentFilter | undefined {
  return agents === undefined ? undefined : readAgentList(agents, identifiers);
}

/** Whoever is not on the list would come in all the same, without a name. */
function refuseAllowList(level: string, filters: readonly (AgentFilter | undefined)[]): void {
  if (filters.every((filter) => filter?.kind !== 'allow')) return;
  throw new AAuthError(
    'configuration_invalid',
    `A list of allowed agents cannot hold at a route that takes the level ${level}, which names no agent: ` +
      'ask for an identity there, or deny agents instead.',
  );
}
