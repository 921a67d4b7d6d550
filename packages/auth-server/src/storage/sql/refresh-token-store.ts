import type {
  NewRefreshToken,
  RefreshTokenRecord,
  RefreshTokenStore,
  RefreshTokenUse,
} from '../refresh-tokens.js';
import { insertIssuedToken, recordIssue } from './issued-token-store.js';
import { jsonFromText, jsonToText } from './json-text.js';
import { isGrantLive, isGrantOfLive } from './live.js';
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
  const { accessEndsAt, encryptionJwk } = termsToColumns(token);
  await insert.later(queries, {
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
    accessEndsAt,
    encryptionJwk,
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

const hold = new PreparedQuery((queries, { hash }: { hash: string }) =>
  lastUse(queries, hash).forNoKeyUpdate(),
);
const holdAsItIs = new PreparedQuery((queries, { hash }: { hash: string }) =>
  lastUse(queries, hash).forShare(),
);

function lastUse(queries: Queries, hash: string) {
  return queries
    .selectFrom('refreshTokens')
    .select('lastUsedAt')
    .where('hash', '=', hash)
    .where('revokedAt', 'is', null);
}

const markUsed = new PreparedQuery(
  (queries, { hash, now }: Pick<RefreshTokenUse, 'hash' | 'now'>) =>
    queries.updateTable('refreshTokens').set({ lastUsedAt: now }).where('hash', '=', hash),
);

async function useToken(
  queries: Queries,
  use: RefreshTokenUse,
): Promise<RefreshTokenRecord | undefined> {
  const { hash, agent, delegate, now, idleSeconds, issued } = use;
  const named = await find.first(queries, { hash });
  if (named === undefined || !isFor(named, use)) return undefined;
  // Whoever comes in the same second as another leaves it as it is: nobody has to wait for the other's commit.
  const isMarked = named.lastUsedAt === now;
  // The grant before the refresh token, as whoever revokes does: see the order of locks at `SqlDatabase.write`.
  const [isLive, held] = await Promise.all([
    isGrantOfLive(queries, named),
    (isMarked ? holdAsItIs : hold).first(queries, { hash }),
  ]);
  if (!isLive || held === undefined || held.lastUsedAt <= now - idleSeconds) return undefined;
  if (!isMarked && held.lastUsedAt !== now) await markUsed.later(queries, { hash, now });
  // Nothing else of it ever changes, but that it is revoked; and that has been seen to.
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

/** By what never changes. */
function isFor(token: Schema['refreshTokens'], use: RefreshTokenUse): boolean {
  const { agent, delegate, now, absoluteSeconds } = use;
  return (
    token.agent === agent &&
    token.delegate === delegate &&
    token.createdAt > now - absoluteSeconds &&
    (token.accessEndsAt === null || token.accessEndsAt > now)
  );
}
