import type { AuditActor, NewAuditEntry } from '../../audit/audit-entry.js';
import type { IssuedTokenRecord, IssuedTokenStore } from '../issued-tokens.js';
import { isGrantLive, isGrantLiveNow } from './live.js';
import { PreparedQuery } from './prepared-query.js';
import { recordAct } from './record-act.js';
import type { Queries, SqlDatabase } from './sql-database.js';

export function issuedTokenStore(database: SqlDatabase): IssuedTokenStore {
  return {
    insert: (token, ruling) =>
      database.write(async (queries) => {
        if (token.grantId !== null && !(await isGrantLive(queries, token.grantId))) return false;
        await insertIssuedToken(queries, token);
        await recordIssue(queries, { means: 'exchange', by: 'policy', ...ruling }, token);
        return true;
      }),

    find: (jti) => database.read((queries) => findIssuedToken(queries, jti)),

    isLive: (jti) =>
      database.read(async (queries) => {
        const token = await findIssuedToken(queries, jti);
        if (token === undefined) return false;
        return token.grantId === null || isGrantLiveNow(queries, token.grantId);
      }),
  };
}

function findIssuedToken(queries: Queries, jti: string): Promise<IssuedTokenRecord | undefined> {
  return queries.selectFrom('issuedTokens').selectAll().where('jti', '=', jti).executeTakeFirst();
}

/** For transactions that have made sure that the grant stands. */
export async function insertIssuedToken(queries: Queries, token: IssuedTokenRecord): Promise<void> {
  await insert.later(queries, token);
}

const insert = new PreparedQuery((queries, token: IssuedTokenRecord) => {
  const { jti, kind, agent, delegate, audience, subject } = token;
  const { grantId, parentJti, issuedAt, expiresAt } = token;
  return queries.insertInto('issuedTokens').values({
    jti,
    kind,
    agent,
    delegate,
    audience,
    subject,
    grantId,
    parentJti,
    issuedAt,
    expiresAt,
  });
});

/** Records the token in the audit trail; beside its row in the ledger, which goes when the token has expired. */
export async function recordIssue(
  queries: Queries,
  told: Pick<NewAuditEntry, 'means' | 'account' | 'scope' | 'rule' | 'parentIssuer'> & {
    readonly by: AuditActor;
  },
  token: IssuedTokenRecord,
): Promise<void> {
  const { means, by, account, scope, rule, parentIssuer } = told;
  const { jti, agent, delegate, audience, grantId, parentJti, issuedAt } = token;
  await recordAct(queries, {
    time: issuedAt,
    act: 'token-issued',
    agent,
    delegate,
    audience,
    grant: grantId,
    token: jti,
    parentToken: parentJti,
    means,
    by,
    account,
    scope,
    rule,
    parentIssuer,
  });
}
