import type { Queries } from './sql-database.js';

/**
 * True when the person exists and is not disabled, and it stays so until the transaction ends: whoever disables them
 * waits.
 */
export async function isUserEnabled(queries: Queries, userId: string): Promise<boolean> {
  const user = await enabledUser(queries, userId).forShare().executeTakeFirst();
  return user !== undefined;
}

/**
 * True when the grant exists, is not revoked, and its person, if it has one, is not disabled, and it stays so until the
 * transaction ends. Whoever issues asks this in the transaction that writes: issuing and revoking exclude each other.
 */
export async function isGrantLive(queries: Queries, grantId: string): Promise<boolean> {
  // Whose it is never changes. The person first: see the order of locks at `SqlDatabase.write`.
  const grant = await standingGrant(queries, grantId).executeTakeFirst();
  if (grant === undefined) return false;
  if (grant.userId !== null && !(await isUserEnabled(queries, grant.userId))) return false;
  return (await standingGrant(queries, grantId).forShare().executeTakeFirst()) !== undefined;
}

/** Like `isGrantLive`, but only a look: nobody is kept from revoking it the next moment. */
export async function isGrantLiveNow(queries: Queries, grantId: string): Promise<boolean> {
  const grant = await standingGrant(queries, grantId).executeTakeFirst();
  if (grant === undefined) return false;
  if (grant.userId === null) return true;
  return (await enabledUser(queries, grant.userId).executeTakeFirst()) !== undefined;
}

function enabledUser(queries: Queries, userId: string) {
  return queries
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('disabledAt', 'is', null);
}

function standingGrant(queries: Queries, grantId: string) {
  return queries
    .selectFrom('grants')
    .select('userId')
    .where('id', '=', grantId)
    .where('revokedAt', 'is', null);
}
