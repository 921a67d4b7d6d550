import type { CodeRecord, CodeRedemption, CodeRefusal, CodeStore, RedeemResult } from '../codes.js';
import { insertIssuedToken } from './issued-token-store.js';
import { jsonFromText } from './json-text.js';
import { isGrantLive } from './live.js';
import { insertRefreshToken } from './refresh-token-store.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';
import { endingWithAccess, termsFromColumns } from './terms-columns.js';

export function codeStore(database: SqlDatabase): CodeStore {
  return { redeem: (redemption) => database.write((queries) => redeem(queries, redemption)) };
}

async function redeem(queries: Queries, redemption: CodeRedemption): Promise<RedeemResult> {
  const { codeHash, agent, delegate, now } = redemption;
  const code = await findCode(queries, codeHash);
  if (code === undefined) return refused('unknown');
  // Before everything else: somebody else's attempt neither spends the code nor revokes anything (PROTOCOL 5.3).
  if (code.agent !== agent || code.delegate !== delegate) return refused('foreign');
  if (code.redeemedAt !== null) {
    await revokeFirstUse(queries, code, now);
    return refused('reused');
  }
  const { redirectUri } = redemption;
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) {
    return refused('redirect-uri-mismatch');
  }
  if (code.expiresAt <= now || (code.accessEndsAt ?? Infinity) <= now) return refused('expired');
  if (!(await isGrantLive(queries, code.grantId))) return refused('revoked');
  if (!(await spend(queries, redemption))) return refused('reused');
  await issue(queries, code, redemption);
  const { refreshTokenHash } = redemption;
  return { outcome: 'redeemed', code: { ...code, redeemedAt: now, refreshTokenHash } };
}

function refused(reason: CodeRefusal): RedeemResult {
  return { outcome: 'refused', reason };
}

async function findCode(queries: Queries, codeHash: string): Promise<CodeRecord | undefined> {
  const row = await queries
    .selectFrom('codes')
    .selectAll()
    .where('codeHash', '=', codeHash)
    .executeTakeFirst();
  return row === undefined
    ? undefined
    : { ...row, ...termsFromColumns(row), claims: jsonFromText(row.claims) };
}

async function revokeFirstUse(queries: Queries, code: CodeRecord, now: number): Promise<void> {
  if (code.refreshTokenHash === null) return;
  await queries
    .updateTable('refreshTokens')
    .set({ revokedAt: now })
    .where('hash', '=', code.refreshTokenHash)
    .where('revokedAt', 'is', null)
    .execute();
}

/** The one operation that decides who wins. */
async function spend(queries: Queries, redemption: CodeRedemption): Promise<boolean> {
  const { codeHash, now, refreshTokenHash } = redemption;
  const result = await queries
    .updateTable('codes')
    .set({ redeemedAt: now, refreshTokenHash })
    .where('codeHash', '=', codeHash)
    .where('redeemedAt', 'is', null)
    .where('expiresAt', '>', now)
    .executeTakeFirst();
  return changed(result);
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
  await insertIssuedToken(queries, {
    ...common,
    ...endingWithAccess(issued, code),
    parentJti: null,
    issuedAt: now,
  });
  await queries
    .updateTable('pendingDecisions')
    .set({ deliveredAt: now })
    .where('idHash', '=', code.pendingIdHash)
    .where('deliveredAt', 'is', null)
    .execute();
}
