import type { CodeRecord, CodeRedemption, CodeRefusal, CodeStore, RedeemResult } from '../codes.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { jsonFromText } from './json-text.js';
import { isGrantOfLive } from './live.js';
import { PreparedQuery } from './prepared-query.js';
import { insertRefreshToken } from './refresh-token-store.js';
import { recordAct } from './record-act.js';
import { isOnlyWriter, type Queries, type SqlDatabase } from './sql-database.js';
import { endingWithAccess, termsFromColumns } from './terms-columns.js';

export function codeStore(database: SqlDatabase): CodeStore {
  return { redeem: (redemption) => database.write((queries) => redeem(queries, redemption)) };
}

async function redeem(queries: Queries, redemption: CodeRedemption): Promise<RedeemResult> {
  const { codeHash, agent, delegate, now } = redemption;
  const named = await findCode.first(queries, { codeHash });
  if (named === undefined) return refused('unknown');
  // Before everything else: somebody else's attempt neither spends the code nor revokes anything (PROTOCOL 5.3).
  if (named.agent !== agent || named.delegate !== delegate) return refused('foreign');
  // Of all who redeem it at once, the first one holds it from here on, and the others see that it has been spent.
  const [live, row] = await Promise.all([
    isGrantOfLive(queries, named),
    isOnlyWriter(queries) ? named : holdCode.first(queries, { codeHash }),
  ]);
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
  await markSpent.later(queries, redemption);
  await issue(queries, code, redemption);
  const { refreshTokenHash } = redemption;
  return { outcome: 'redeemed', code: { ...code, redeemedAt: now, refreshTokenHash } };
}

function refused(reason: CodeRefusal): RedeemResult {
  return { outcome: 'refused', reason };
}

type CodeHash = Pick<CodeRecord, 'codeHash'>;

function selectCode(queries: Queries, { codeHash }: CodeHash) {
  return queries.selectFrom('codes').selectAll().where('codeHash', '=', codeHash);
}

const findCode = new PreparedQuery(selectCode);
const holdCode = new PreparedQuery((queries, code: CodeHash) =>
  selectCode(queries, code).forNoKeyUpdate(),
);

const markSpent = new PreparedQuery(
  (queries, code: Pick<CodeRedemption, 'codeHash' | 'now' | 'refreshTokenHash'>) =>
    queries
      .updateTable('codes')
      .set({ redeemedAt: code.now, refreshTokenHash: code.refreshTokenHash })
      .where('codeHash', '=', code.codeHash),
);

const markDelivered = new PreparedQuery(
  (queries, { idHash, now }: { idHash: string; now: number }) =>
    queries
      .updateTable('pendingDecisions')
      .set({ deliveredAt: now })
      .where('idHash', '=', idHash)
      .where('deliveredAt', 'is', null),
);

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

async function issue(
  queries: Queries,
  code: CodeRecord,
  redemption: CodeRedemption,
): Promise<void> {
  const { now, refreshTokenHash, issued } = redemption;
  const { grantId, agent, delegate, audience, subject, userId, scope, claims } = code;
  const { accessEndsAt, encryptionJwk } = code;
  if (refreshTokenHash !== null) {
    await insertRefreshToken(queries, {
      hash: refreshTokenHash,
      grantId,
      agent,
      delegate,
      audience,
      subject,
      userId,
      scope,
      claims,
      accessEndsAt,
      encryptionJwk,
      createdAt: now,
    });
  }
  const { jti, kind, expiresAt } = endingWithAccess(issued, code);
  const token = {
    jti,
    kind,
    agent,
    delegate,
    audience,
    subject,
    grantId,
    parentJti: null,
    issuedAt: now,
    expiresAt,
  };
  await insertIssuedToken(queries, token);
  await recordIssue(queries, { means: 'code', by: 'agent', account: userId, scope }, token);
  await markDelivered.later(queries, { idHash: code.pendingIdHash, now });
}
