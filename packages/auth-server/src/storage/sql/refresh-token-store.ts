import type {
  NewRefreshToken,
  RefreshTokenRecord,
  RefreshTokenStore,
  RefreshTokenUse,
} from '../refresh-tokens.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { jsonFromText, jsonToText } from './json-text.js';
import { isGrantLive } from './live.js';
import { PreparedQuery } from './prepared-query.js';
import type { Schema } from './schema.js';
import type { Queries, SqlDatabase } from './sql-database.js';
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
  await insert.run(queries, {
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
  });
}

const insert = new PreparedQuery((queries, row: Schema['refreshTokens']) => {
  const { hash, grantId, agent, delegate, subject, userId } = row;
  const { audience, scope, claims, createdAt, lastUsedAt, revokedAt } = row;
  const { accessEndsAt, encryptionJwk } = row;
  return queries.insertInto('refreshTokens').values({
    hash,
    grantId,
    agent,
    delegate,
    subject,
    userId,
    audience,
    scope,
    claims,
    createdAt,
    lastUsedAt,
    revokedAt,
    accessEndsAt,
    encryptionJwk,
  });
});

const find = new PreparedQuery((queries, { hash }: { hash: string }) =>
  queries.selectFrom('refreshTokens').selectAll().where('hash', '=', hash),
);

type Mark = Pick<RefreshTokenUse, 'hash' | 'agent' | 'delegate' | 'now'> & {
  readonly usedAfter: number;
  readonly createdAfter: number;
};

const markUsed = new PreparedQuery((queries, mark: Mark) =>
  queries
    .updateTable('refreshTokens')
    .set({ lastUsedAt: mark.now })
    .where('hash', '=', mark.hash)
    .where('agent', '=', mark.agent)
    .where('delegate', 'is not distinct from', mark.delegate)
    .where('revokedAt', 'is', null)
    .where('lastUsedAt', '>', mark.usedAfter)
    .where('createdAt', '>', mark.createdAfter)
    .where((expression) =>
      expression.or([
        expression('accessEndsAt', 'is', null),
        expression('accessEndsAt', '>', mark.now),
      ]),
    ),
);

async function useToken(
  queries: Queries,
  use: RefreshTokenUse,
): Promise<RefreshTokenRecord | undefined> {
  const { hash, agent, delegate, now, idleSeconds, absoluteSeconds, issued } = use;
  const named = await find.first(queries, { hash });
  // The grant before the refresh token, as whoever revokes does: see the order of locks at `SqlDatabase.write`.
  if (named === undefined || !(await isGrantLive(queries, named.grantId))) return undefined;
  const usedAfter = now - idleSeconds;
  const createdAfter = now - absoluteSeconds;
  const mark = { hash, agent, delegate, now, usedAfter, createdAfter };
  if ((await markUsed.run(queries, mark)) === 0) return undefined;
  // Nothing else of it ever changes, but that it is revoked; and the condition has seen to that.
  const row = { ...named, lastUsedAt: now };
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
