import { PreparedQuery } from './prepared-query.js';
import type { Queries } from './sql-database.js';

interface UserId {
  readonly userId: string;
}

interface GrantId {
  readonly grantId: string;
}

/**
 * True when the person exists and is not disabled, and it stays so until the transaction ends: whoever disables them
 * waits.
 */
export async function isUserEnabled(queries: Queries, userId: string): Promise<boolean> {
  return (await holdEnabledUser.first(queries, { userId })) !== undefined;
}

/**
 * True when the grant exists, is not revoked, and its person, if it has one, is not disabled, and it stays so until the
 * transaction ends. Whoever issues asks this in the transaction that writes: issuing and revoking exclude each other.
 */
export async function isGrantLive(queries: Queries, grantId: string): Promise<boolean> {
  // Whose it is never changes. The person first: see the order of locks at `SqlDatabase.write`.
  const grant = await findStandingGrant.first(queries, { grantId });
  return grant !== undefined && (await isGrantOfLive(queries, { grantId, userId: grant.userId }));
}

/**
 * {@link isGrantLive} where it is known whose it is. What is held on the way at the same time, and asked for after it, is
 * held after it.
 */
export async function isGrantOfLive(
  queries: Queries,
  { grantId, userId }: GrantId & { readonly userId: string | null },
): Promise<boolean> {
  const [isEnabled, grant] = await Promise.all([
    userId === null || isUserEnabled(queries, userId),
    holdStandingGrant.first(queries, { grantId }),
  ]);
  if (grant === undefined) return false;
  // Whatever was said: it is the grant's person that counts.
  return grant.userId === userId ? isEnabled : await isGrantLive(queries, grantId);
}

/** Like `isGrantLive`, but only a look: nobody is kept from revoking it the next moment. */
export async function isGrantLiveNow(queries: Queries, grantId: string): Promise<boolean> {
  const grant = await findStandingGrant.first(queries, { grantId });
  if (grant === undefined) return false;
  if (grant.userId === null) return true;
  return (await findEnabledUser.first(queries, { userId: grant.userId })) !== undefined;
}

const findEnabledUser = new PreparedQuery(enabledUser);
const holdEnabledUser = new PreparedQuery((queries, user: UserId) =>
  enabledUser(queries, user).forShare(),
);
const findStandingGrant = new PreparedQuery(standingGrant);
const holdStandingGrant = new PreparedQuery((queries, grant: GrantId) =>
  standingGrant(queries, grant).forShare(),
);

function enabledUser(queries: Queries, { userId }: UserId) {
  return queries
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('disabledAt', 'is', null);
}

function standingGrant(queries: Queries, { grantId }: GrantId) {
  return queries
    .selectFrom('grants')
    .select('userId')
    .where('id', '=', grantId)
    .where('revokedAt', 'is', null);
}
