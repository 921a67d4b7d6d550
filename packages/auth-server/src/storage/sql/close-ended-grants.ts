import { recordActs } from './record-act.js';
import type { SqlDatabase } from './sql-database.js';

/**
 * Closes at most `batch` of the grants whose documents have ended, so that no list shows them as standing. They grant
 * nothing by then: their codes and refresh tokens ended with them. Returns how many.
 */
export async function closeEndedGrants(
  database: SqlDatabase,
  now: number,
  batch: number,
): Promise<number> {
  return await database.write(
    async (queries) => {
      const ended = queries
        .selectFrom('grants')
        .select('id')
        .where('endsAt', '<=', now)
        .where('revokedAt', 'is', null)
        .limit(batch);
      const closed = await queries
        .updateTable('grants')
        .set((expression) => ({ revokedAt: expression.ref('endsAt') }))
        .where('id', 'in', ended)
        // Said twice: somebody may revoke one between its being chosen and its being closed.
        .where('revokedAt', 'is', null)
        .returning(['id', 'userId', 'agent', 'delegate', 'audience'])
        .execute();
      await recordActs(
        queries,
        closed.map(({ id, userId, ...access }) => ({
          time: now,
          act: 'grant-ended',
          by: 'server',
          account: userId,
          ...access,
          grant: id,
        })),
      );
      return closed.length;
    },
    { alone: ['sweep'] },
  );
}
