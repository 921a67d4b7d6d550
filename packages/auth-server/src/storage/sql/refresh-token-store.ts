import type {
  NewRefreshToken,
  RefreshTokenRecord,
  RefreshTokenStore,
  RefreshTokenUse,
} from '../refresh-tokens.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { jsonFromText, jsonToText } from './json-text.js';
import { isGrantLive } from './live.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';
import { endingWithAccess, termsFromColumns, termsToColumns } from './terms-columns.js';

export function refreshTokenStore(database: SqlDatabase): RefreshTokenStore {
  return {
    create: (token) =>
      database.write(async (queries) => {
        if (!(await isGrantLive(queries, token.grantId))) return false;
        await insertRefreshToken(queries, token);
        return true;
      }),

    use: (use) => database.write((queries) => useToken(queries, use)),
  };
}

/** For transactions that have made sure that the grant stands. */
export async function insertRefreshToken(queries: Queries, token: NewRefreshToken): Promise<void> {
  const { hash, grantId, agent, delegate, subject, userId } = token;
  const { audience, scope, claims, createdAt } = token;
  await queries
    .insertInto('refreshTokens')
    .values({
      hash,
      grantId,
      agent,
      delegate,
      subject,
      userId,
      audience,
      scope,
      createdAt,
      claims: jsonToText(claims),
      lastUsedAt: createdAt,
      revokedAt: null,
      ...termsToColumns(token),
    })
    .execute();
}

async function useToken(
  queries: Queries,
  use: RefreshTokenUse,
): Promise<RefreshTokenRecord | undefined> {
  const { hash, agent, delegate, now, idleSeconds, absoluteSeconds, issued } = use;
  const named = await queries
    .selectFrom('refreshTokens')
    .select('grantId')
    .where('hash', '=', hash)
    .executeTakeFirst();
  // The grant before the refresh token, as whoever revokes does: see the order of locks at `SqlDatabase.write`.
  if (named === undefined || !(await isGrantLive(queries, named.grantId))) return undefined;
  const used = await queries
    .updateTable('refreshTokens')
    .set({ lastUsedAt: now })
    .where('hash', '=', hash)
    .where('agent', '=', agent)
    .where('delegate', 'is not distinct from', delegate)
    .where('revokedAt', 'is', null)
    .where('lastUsedAt', '>', now - idleSeconds)
    .where('createdAt', '>', now - absoluteSeconds)
    .where((expression) =>
      expression.or([expression('accessEndsAt', 'is', null), expression('accessEndsAt', '>', now)]),
    )
    .executeTakeFirst();
  if (!changed(used)) return undefined;
  const row = await queries
    .selectFrom('refreshTokens')
    .selectAll()
    .where('hash', '=', hash)
    .executeTakeFirstOrThrow();
  const { grantId, audience, subject, userId: account, scope } = row;
  const token = {
    ...endingWithAccess(issued, row),
    grantId,
    agent,
    delegate,
    audience,
    subject,
    parentJti: null,
    issuedAt: now,
  };
  await insertIssuedToken(queries, token);
  await recordIssue(queries, { means: 'refresh', by: 'agent', account, scope }, token);
  return { ...row, ...termsFromColumns(row), claims: jsonFromText(row.claims) };
}
