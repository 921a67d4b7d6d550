import { AAuthError, type Caller, parseServerIdentifier } from '@countersign/protocol';
import type { IdentifierOptions, ServerIdentifier } from '@countersign/protocol';

/**
 * Which agents are let in, by their server identifiers. A list speaks of whole agents: every delegate of an agent that
 * is denied is denied. A function may look at the delegate too; that it rejects is answered 503, and opens nothing.
 *
 * A list judges callers that have proved to be an agent. Bare keys name nobody, so an allow list cannot stand at a
 * route that takes them.
 */
export type AgentList =
  | { readonly allow: readonly string[] }
  | { readonly deny: readonly string[] }
  | ((agent: ServerIdentifier, delegate: string | undefined) => boolean | Promise<boolean>);

/** A list that has been checked. */
export interface AgentFilter {
  readonly kind: 'allow' | 'deny' | 'function';
  readonly admits: (
    agent: ServerIdentifier,
    delegate: string | undefined,
  ) => boolean | Promise<boolean>;
}

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}

/** Checks a list. Throws `configuration_invalid` that names the entry which is no server identifier. */
export function readAgentList(list: AgentList, identifiers: IdentifierOptions): AgentFilter {
  if (typeof list === 'function') return { kind: 'function', admits: list };
  const given: unknown = list;
  if (typeof given !== 'object' || given === null || ('allow' in given && 'deny' in given)) {
    return refuse('A list of agents is { allow: […] }, { deny: […] } or a function, one of them.');
  }
  const kind = 'allow' in list ? 'allow' : 'deny';
  const entries: unknown = 'allow' in list ? list.allow : list.deny;
  if (!Array.isArray(entries)) {
    return refuse(`The agents that a list ${kind}s must be an array of server identifiers.`);
  }
  if (kind === 'allow' && entries.length === 0) {
    refuse('A list that allows no agent would close the route to everybody: name at least one.');
  }
  const names = new Set(
    entries.map((entry: unknown) =>
      parseServerIdentifier(
        entry,
        `The agent ${JSON.stringify(entry)} that a list ${kind === 'allow' ? 'allows' : 'denies'}`,
        identifiers,
      ),
    ),
  );
  return { kind, admits: (agent) => names.has(agent) === (kind === 'allow') };
}

/** The agent that a caller has proved to be, or to act for; `undefined` for one that is known by its key alone. */
function agentOf(
  caller: Caller,
): { readonly agent: ServerIdentifier; readonly delegate: string | undefined } | undefined {
  if (caller.kind === 'key') return undefined;
  const { agent, delegate } = caller.kind === 'agent' ? caller : caller.token;
  return agent === undefined ? undefined : { agent, delegate };
}

/**
 * Holds a verified caller against the lists of the resource and the route: all must admit it. Throws `access_denied`
 * (403, without a challenge: no stronger proof would change it), before anything is minted or counted.
 */
export async function checkAgentLists(
  caller: Caller,
  filters: readonly (AgentFilter | undefined)[],
): Promise<void> {
  const named = agentOf(caller);
  if (named === undefined) return;
  for (const filter of filters) {
    if (filter === undefined || (await admitted(filter, named.agent, named.delegate))) continue;
    throw new AAuthError('access_denied', 'This agent is not let in here.', {
      rule: 'agent_not_admitted',
      detail: named.agent,
    });
  }
}

async function admitted(
  filter: AgentFilter,
  agent: ServerIdentifier,
  delegate: string | undefined,
): Promise<boolean> {
  try {
    // A truthy mistake, such as a promise of an object, opens nothing.
    return (await filter.admits(agent, delegate)) === true;
  } catch (cause) {
    throw new AAuthError(
      'temporarily_unavailable',
      'The agent cannot be checked now; try again shortly.',
      { rule: 'agent_list_unreachable', cause, retryAfterSeconds: 10 },
    );
  }
}
