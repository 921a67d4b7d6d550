import { sql } from 'kysely';
import type { ApprovedDocument, GrantKey, GrantRecord } from '../grants.js';
import { PreparedQuery } from './prepared-query.js';
import { isOnlyWriter, type Queries } from './sql-database.js';

const MAX_ATTEMPTS = 10;

/** The active grant for `key`, of which there is at most one. */
export function findActiveGrant(queries: Queries, key: GrantKey): Promise<GrantRecord | undefined> {
  return findActive.first(queries, keyColumns(key));
}

type KeyColumns = Required<GrantKey>;

function keyColumns({ userId, agent, delegate, audience, documentHash }: GrantKey): KeyColumns {
  return { userId, agent, delegate, audience, documentHash: documentHash ?? null };
}

function activeGrant(queries: Queries, key: KeyColumns) {
  return queries
    .selectFrom('grants')
    .selectAll()
    .where('agent', '=', key.agent)
    .where('audience', '=', key.audience)
    .where(isEqual('userId', key.userId))
    .where(isEqual('delegate', key.delegate))
    .where(isEqual('documentHash', key.documentHash))
    .where('revokedAt', 'is', null);
}

/** In the words of the index `grants_one_active`: many people may have approved the same of an agent. */
function isEqual(column: 'userId' | 'delegate' | 'documentHash', value: string | null) {
  return sql<boolean>`coalesce(${sql.ref(column)}, '') = coalesce(${value}, '')`;
}

const findActive = new PreparedQuery(activeGrant);
const holdActive = new PreparedQuery((queries, key: KeyColumns) =>
  activeGrant(queries, key).clearSelect().select(['id', 'scope', 'updatedAt']).forNoKeyUpdate(),
);

/**
 * When others have just approved the same: it stays as it is, and nobody has to wait for the other's commit. What it was
 * like is asked beside the lock, not under it: a condition that no longer holds once the lock is there would leave the lock,
 * and everybody who then wanted the stronger one would wait for the others.
 */
const holdSame = new PreparedQuery(
  (queries, same: KeyColumns & { readonly scope: string; readonly now: number }) =>
    queries
      .selectFrom('grants')
      .select('id')
      .where(
        'id',
        '=',
        activeGrant(queries, same)
          .clearSelect()
          .select('id')
          .where('scope', '=', same.scope)
          .where('updatedAt', '=', same.now),
      )
      .where('revokedAt', 'is', null)
      .forShare(),
);

const widenGrant = new PreparedQuery(
  (queries, { id, scope, now }: { id: string; scope: string; now: number }) =>
    queries.updateTable('grants').set({ scope, updatedAt: now }).where('id', '=', id),
);

const insertGrant = new PreparedQuery((queries, row: GrantRecord) => {
  const { id, userId, agent, delegate, audience, scope, createdAt, updatedAt, revokedAt } = row;
  const { documentHash, purpose, endsAt } = row;
  return queries
    .insertInto('grants')
    .values({
      id,
      userId,
      agent,
      delegate,
      audience,
      scope,
      createdAt,
      updatedAt,
      revokedAt,
      documentHash,
      purpose,
      endsAt,
    })
    .onConflict((conflict) => conflict.doNothing());
});

/**
 * Makes the grant, or widens the active one, inside a write transaction. Returns its id, which is the proposed one
 * only if it was made.
 */
export async function approveGrant(
  queries: Queries,
  approval: Omit<GrantKey, 'documentHash'> & {
    readonly id: string;
    readonly scope: string;
    readonly document?: ApprovedDocument | undefined;
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
  const { userId, agent, delegate, audience, scope, now, document } = approval;
  const documentHash = document?.documentHash ?? null;
  const columns = { userId, agent, delegate, audience, documentHash };
  if (!isOnlyWriter(queries)) {
    const same = { ...columns, scope: unionOfScopes('', scope), now };
    const found = await holdSame.first(queries, same);
    if (found !== undefined) return found.id;
  }
  const active = await holdActive.first(queries, columns);
  if (active === undefined) return undefined;
  const { id } = active;
  const wider = unionOfScopes(active.scope, scope);
  if (wider !== active.scope || now !== active.updatedAt) {
    await widenGrant.later(queries, { id, scope: wider, now });
  }
  return active.id;
}

/** False when there is an active one. */
async function make(queries: Queries, approval: Approval): Promise<boolean> {
  const { id, userId, agent, delegate, audience, scope, now } = approval;
  const { document = { documentHash: null, purpose: null, endsAt: null } } = approval;
  const made = await insertGrant.run(queries, {
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
  });
  return made > 0;
}

/** The scope names of both, each once, in order of first appearance. */
function unionOfScopes(first: string, second: string): string {
  const names = `${first} ${second}`.split(' ').filter((name) => name !== '');
  return [...new Set(names)].join(' ');
}
