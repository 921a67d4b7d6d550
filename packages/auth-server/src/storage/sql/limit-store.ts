import { sql } from 'kysely';
import type { LimitStore } from '../limits.js';
import type { SqlDatabase } from './sql-database.js';

export function limitStore(database: SqlDatabase): LimitStore {
  return {
    claim: ({ key, endsAt, want, limit }) =>
      database.write(async (queries) => {
        const first = Math.min(want, limit);
        const used = sql.ref<number>('limitCounters.used');
        // Both assignments see the row as it was, which the update has locked.
        const given = sql<number>`case when ${used} >= ${limit} then 0 when ${used} + ${want} > ${limit} then ${limit} - ${used} else ${want} end`;
        const row = await queries
          .insertInto('limitCounters')
          .values({ counterKey: key, endsAt, used: first, granted: first })
          .onConflict((conflict) =>
            conflict
              .columns(['counterKey', 'endsAt'])
              .doUpdateSet({ used: sql<number>`${used} + ${given}`, granted: given }),
          )
          .returning(['used', 'granted'])
          .executeTakeFirstOrThrow();
        return { granted: row.granted, left: Math.max(0, limit - row.used) };
      }),
  };
}
