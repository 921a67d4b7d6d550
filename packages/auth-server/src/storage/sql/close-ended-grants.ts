import { count, type SqlDatabase } from './sql-database.js';

/**
 * Closes the grants whose documents have ended, so that no list shows them as standing. They grant nothing by then:
 * their codes and refresh tokens ended with them. Returns how many.
 */
export async function closeEndedGrants(database: SqlDatabase, now: number): Promise<number> {
  return await database.write(async (queries) => {
    const result = await queries
      .updateTable('grants')
      .set((expression) => ({ revokedAt: expression.ref('endsAt') }))
      .where('endsAt', '<=', now)
      .where('revokedAt', 'is', null)
      .executeTakeFirst();
    return count(result);
  });
}
