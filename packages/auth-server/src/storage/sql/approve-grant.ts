import type { ApprovedDocument, GrantKey, GrantRecord } from '../grants.js';
import { changed, type Queries } from './sql-database.js';

const MAX_ATTEMPTS = 10;

/** The active grant for `key`, of which there is at most one. */
export function findActiveGrant(queries: Queries, key: GrantKey): Promise<GrantRecord | undefined> {
  return activeGrant(queries, key).executeTakeFirst();
}

function activeGrant(queries: Queries, key: GrantKey) {
  return queries
    .selectFrom('grants')
    .selectAll()
    .where('agent', '=', key.agent)
    .where('audience', '=', key.audience)
    .where('userId', 'is not distinct from', key.userId)
    .where('delegate', 'is not distinct from', key.delegate)
    .where('documentHash', 'is not distinct from', key.documentHash ?? null)
    .where('revokedAt', 'is', null);
}

/**
 * Makes the grant, or widens the active one, inside a write transaction. Returns its id, which is the proposed one
 * only if it was made.
 */
export async function approveGrant(
  queries: Queries,
  approval: Omit<GrantKey, 'documentHash'> & {
    readonly id: string;
    readonly scope: string;
    readonly document?: ApprovedDocument;
    readonly now: number;
  },
): Promise<string> {
  // When somebody else makes it first, there is one to widen next, unless it is revoked that very moment.
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const widened = await widen(queries, approval);
    if (widened !== undefined) return widened;
    if (await make(queries, approval)) return approval.id;
  }
  throw new Error('a grant could be neither made nor widened');
}

type Approval = Parameters<typeof approveGrant>[1];

async function widen(queries: Queries, approval: Approval): Promise<string | undefined> {
  const { scope, now, document } = approval;
  const key = { ...approval, documentHash: document?.documentHash ?? null };
  const active = await activeGrant(queries, key).forNoKeyUpdate().executeTakeFirst();
  if (active === undefined) return undefined;
  await queries
    .updateTable('grants')
    .set({ scope: unionOfScopes(active.scope, scope), updatedAt: now })
    .where('id', '=', active.id)
    .execute();
  return active.id;
}

/** False when there is an active one. */
async function make(queries: Queries, approval: Approval): Promise<boolean> {
  const { id, userId, agent, delegate, audience, scope, now } = approval;
  const { document = { documentHash: null, purpose: null, endsAt: null } } = approval;
  const result = await queries
    .insertInto('grants')
    .values({
      id,
      userId,
      agent,
      delegate,
      audience,
      scope: unionOfScopes('', scope),
      createdAt: now,
      updatedAt: now,
      revokedAt: null,
      ...document,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return changed(result);
}

/** The scope names of both, each once, in order of first appearance. */
function unionOfScopes(first: string, second: string): string {
  const names = `${first} ${second}`.split(' ').filter((name) => name !== '');
  return [...new Set(names)].join(' ');
}
