import type { ApprovedDocument, GrantKey, GrantRecord } from '../grants.js';
import type { Queries } from './sql-database.js';

/** The active grant for `key`, of which there is at most one. */
export function findActiveGrant(queries: Queries, key: GrantKey): Promise<GrantRecord | undefined> {
  return queries
    .selectFrom('grants')
    .selectAll()
    .where('agent', '=', key.agent)
    .where('audience', '=', key.audience)
    .where('userId', 'is not distinct from', key.userId)
    .where('delegate', 'is not distinct from', key.delegate)
    .where('documentHash', 'is not distinct from', key.documentHash ?? null)
    .where('revokedAt', 'is', null)
    .executeTakeFirst();
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
  const { id, userId, agent, delegate, audience, scope, now } = approval;
  const document = approval.document ?? { documentHash: null, purpose: null, endsAt: null };
  const key = { userId, agent, delegate, audience, documentHash: document.documentHash };
  const active = await findActiveGrant(queries, key);
  if (active !== undefined) {
    await queries
      .updateTable('grants')
      .set({ scope: unionOfScopes(active.scope, scope), updatedAt: now })
      .where('id', '=', active.id)
      .execute();
    return active.id;
  }
  await queries
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
    .execute();
  return id;
}

/** The scope names of both, each once, in order of first appearance. */
function unionOfScopes(first: string, second: string): string {
  const names = `${first} ${second}`.split(' ').filter((name) => name !== '');
  return [...new Set(names)].join(' ');
}
