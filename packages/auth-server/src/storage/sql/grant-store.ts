import type { DirectIssue, GrantStore } from '../grants.js';
import { approveGrant, findActiveGrant } from './approve-grant.js';
import { insertIssuedToken } from './issued-token-store.js';
import { insertRefreshToken } from './refresh-token-store.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';
import { endingWithAccess } from './terms-columns.js';

export function grantStore(database: SqlDatabase): GrantStore {
  return {
    findById: (id) =>
      database.read((queries) =>
        queries.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirst(),
      ),

    findActive: (key) => database.read((queries) => findActiveGrant(queries, key)),

    listForUser: (userId) =>
      database.read((queries) => selectActive(queries).where('userId', '=', userId).execute()),

    list: () => database.read((queries) => selectActive(queries).execute()),

    existsFor: (agent) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('grants')
          .select('id')
          .where('agent', '=', agent)
          .where('revokedAt', 'is', null)
          .limit(1)
          .executeTakeFirst();
        return row !== undefined;
      }),

    issueDirectly: (issue) => database.write((queries) => issueDirectly(queries, issue)),

    revoke: ({ id, userId, now }) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('grants')
          .set({ revokedAt: now })
          .where('id', '=', id)
          .where('revokedAt', 'is', null)
          .$if(userId !== undefined, (own) => own.where('userId', '=', userId ?? ''))
          .executeTakeFirst();
        if (!changed(result)) return false;
        await queries
          .updateTable('refreshTokens')
          .set({ revokedAt: now })
          .where('grantId', '=', id)
          .where('revokedAt', 'is', null)
          .execute();
        return true;
      }),
  };
}

function selectActive(queries: Queries) {
  return queries
    .selectFrom('grants')
    .selectAll()
    .where('revokedAt', 'is', null)
    .orderBy('updatedAt', 'desc')
    .orderBy('id');
}

async function issueDirectly(queries: Queries, issue: DirectIssue): Promise<string> {
  const { grant, refreshToken, issued, now } = issue;
  const { agent, delegate, audience, scope } = grant;
  const grantId = await approveGrant(queries, { ...grant, userId: null, now });
  const common = { grantId, agent, delegate, audience, subject: null };
  if (refreshToken !== null) {
    await insertRefreshToken(queries, {
      ...common,
      ...refreshToken,
      userId: null,
      scope,
      createdAt: now,
    });
  }
  const accessEndsAt = refreshToken?.accessEndsAt ?? null;
  await insertIssuedToken(queries, {
    ...common,
    ...endingWithAccess(issued, { accessEndsAt }),
    parentJti: null,
    issuedAt: now,
  });
  return grantId;
}
