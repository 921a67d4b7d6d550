import type { DirectIssue, GrantStore } from '../grants.js';
import { approveGrant, findActiveGrant } from './approve-grant.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { insertRefreshToken } from './refresh-token-store.js';
import { recordAct } from './record-act.js';
import type { Queries, SqlDatabase } from './sql-database.js';
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

    revoke: (revocation) => database.write((queries) => revoke(queries, revocation)),
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

async function revoke(
  queries: Queries,
  { id, userId, now }: Parameters<GrantStore['revoke']>[0],
): Promise<boolean> {
  const revoked = await queries
    .updateTable('grants')
    .set({ revokedAt: now })
    .where('id', '=', id)
    .where('revokedAt', 'is', null)
    .$if(userId !== undefined, (own) => own.where('userId', '=', userId ?? ''))
    .returning(['userId', 'agent', 'delegate', 'audience', 'scope'])
    .executeTakeFirst();
  if (revoked === undefined) return false;
  await queries
    .updateTable('refreshTokens')
    .set({ revokedAt: now })
    .where('grantId', '=', id)
    .where('revokedAt', 'is', null)
    .execute();
  const { userId: account, ...access } = revoked;
  await recordAct(queries, {
    time: now,
    act: 'grant-revoked',
    ...(userId === undefined ? {} : { by: 'person' }),
    account,
    ...access,
    grant: id,
  });
  return true;
}

async function issueDirectly(queries: Queries, issue: DirectIssue): Promise<string> {
  const { refreshToken, rule, now } = issue;
  const { id, agent, delegate, audience, scope } = issue.grant;
  const approval = { id, agent, delegate, audience, scope, userId: null, now };
  const grantId = await approveGrant(queries, approval);
  // Written out: V8 makes objects with members after a spread one member at a time, in its slowest way.
  const { accessEndsAt = null, encryptionJwk = null } = refreshToken ?? {};
  if (refreshToken !== null) {
    const { hash, claims } = refreshToken;
    await insertRefreshToken(queries, {
      hash,
      grantId,
      agent,
      delegate,
      subject: null,
      userId: null,
      audience,
      scope,
      claims,
      createdAt: now,
      accessEndsAt,
      encryptionJwk,
    });
  }
  const { jti, kind, expiresAt } = endingWithAccess(issue.issued, { accessEndsAt });
  const token = {
    jti,
    kind,
    agent,
    delegate,
    audience,
    subject: null,
    grantId,
    parentJti: null,
    issuedAt: now,
    expiresAt,
  };
  await insertIssuedToken(queries, token);
  await recordIssue(queries, { means: 'policy', by: 'policy', scope, rule }, token);
  return grantId;
}
