import type { Queries } from './sql-database.js';

/** True when the person exists and is not disabled. */
export async function isUserEnabled(queries: Queries, userId: string): Promise<boolean> {
  const user = await queries
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('disabledAt', 'is', null)
    .executeTakeFirst();
  return user !== undefined;
}

/**
 * True when the grant exists, is not revoked, and its person, if it has one, is not disabled. Whoever issues asks
 * this in the transaction that writes, so that issuing and revoking exclude each other.
 */
export async function isGrantLive(queries: Queries, grantId: string): Promise<boolean> {
  const grant = await queries
    .selectFrom('grants')
    .select('userId')
    .where('id', '=', grantId)
    .where('revokedAt', 'is', null)
    .executeTakeFirst();
  if (grant === undefined) return false;
  return grant.userId === null || isUserEnabled(queries, grant.userId);
}
