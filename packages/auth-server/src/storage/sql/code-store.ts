import type { CodeRecord, CodeRedemption, CodeRefusal, CodeStore, RedeemResult } from '../codes.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { jsonFromText } from './json-text.js';
import { isGrantLive } from './live.js';
import { insertRefreshToken } from './refresh-token-store.js';
import { recordAct } from './record-act.js';
import type { Queries, SqlDatabase } from './sql-database.js';
import { endingWithAccess, termsFromColumns } from './terms-columns.js';

export function codeStore(database: SqlDatabase): CodeStore {
  return { redeem: (redemption) => database.write((queries) => redeem(queries, redemption)) };
}

async function redeem(queries: Queries, redemption: CodeRedemption): Promise<RedeemResult> {
  const { codeHash, agent, delegate, now } = redemption;
  const named = await findCode(queries, codeHash).executeTakeFirst();
  if (named === undefined) return refused('unknown');
  // Before everything else: somebody else's attempt neither spends the code nor revokes anything (PROTOCOL 5.3).
  if (named.agent !== agent || named.delegate !== delegate) return refused('foreign');
  // Of all who redeem it at once, the first one holds it from here on, and the others see that it has been spent.
  const live = await isGrantLive(queries, named.grantId);
  const row = await findCode(queries, codeHash).forNoKeyUpdate().executeTakeFirst();
  if (row === undefined) return refused('unknown');
  const code: CodeRecord = {
    ...row,
    ...termsFromColumns(row),
    claims: jsonFromText(row.claims),
  };
  if (code.redeemedAt !== null) {
    await revokeFirstUse(queries, code, now);
    return refused('reused');
  }
  const { redirectUri } = redemption;
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) {
    return refused('redirect-uri-mismatch');
  }
  if (code.expiresAt <= now || (code.accessEndsAt ?? Infinity) <= now) return refused('expired');
  if (!live) return refused('revoked');
  await spend(queries, redemption);
  await issue(queries, code, redemption);
  const { refreshTokenHash } = redemption;
  return { outcome: 'redeemed', code: { ...code, redeemedAt: now, refreshTokenHash } };
}

function refused(reason: CodeRefusal): RedeemResult {
  return { outcome: 'refused', reason };
}

function findCode(queries: Queries, codeHash: string) {
  return queries.selectFrom('codes').selectAll().where('codeHash', '=', codeHash);
}

async function revokeFirstUse(queries: Queries, code: CodeRecord, now: number): Promise<void> {
  if (code.refreshTokenHash === null) return;
  await queries
    .updateTable('refreshTokens')
    .set({ revokedAt: now })
    .where('hash', '=', code.refreshTokenHash)
    .where('revokedAt', 'is', null)
    .execute();
  const { agent, delegate, audience, grantId: grant, userId: account } = code;
  await recordAct(queries, {
    time: now,
    act: 'code-reused',
    by: 'agent',
    account,
    agent,
    delegate,
    audience,
    grant,
  });
}

async function spend(queries: Queries, redemption: CodeRedemption): Promise<void> {
  const { codeHash, now, refreshTokenHash } = redemption;
  await queries
    .updateTable('codes')
    .set({ redeemedAt: now, refreshTokenHash })
    .where('codeHash', '=', codeHash)
    .execute();
}

async function issue(
  queries: Queries,
  code: CodeRecord,
  redemption: CodeRedemption,
): Promise<void> {
  const { now, refreshTokenHash, issued } = redemption;
  const { grantId, agent, delegate, audience, subject, userId, scope, claims } = code;
  const { accessEndsAt, encryptionJwk } = code;
  const common = { grantId, agent, delegate, audience, subject };
  if (refreshTokenHash !== null) {
    await insertRefreshToken(queries, {
      ...common,
      hash: refreshTokenHash,
      userId,
      scope,
      claims,
      accessEndsAt,
      encryptionJwk,
      createdAt: now,
    });
  }
  const token = {
    ...common,
    ...endingWithAccess(issued, code),
    parentJti: null,
    issuedAt: now,
  };
  await insertIssuedToken(queries, token);
  await recordIssue(queries, { means: 'code', by: 'agent', account: userId, scope }, token);
  await queries
    .updateTable('pendingDecisions')
    .set({ deliveredAt: now })
    .where('idHash', '=', code.pendingIdHash)
    .where('deliveredAt', 'is', null)
    .execute();
}
