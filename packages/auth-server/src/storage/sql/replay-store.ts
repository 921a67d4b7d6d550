import { boundedReplayStore, type ReplayStore } from '@countersign/protocol';
import { PreparedQuery } from './prepared-query.js';
import type { SqlDatabase } from './sql-database.js';

const insert = new PreparedQuery(
  (
    queries,
    { key, owner, expiresAt, now }: { key: string; owner: string; expiresAt: number; now: number },
  ) =>
    queries
      .insertInto('replayEntries')
      .values({ entryKey: key, owner, expiresAt })
      .onConflict((conflict) =>
        conflict
          .column('entryKey')
          .doUpdateSet({ owner, expiresAt })
          .where('replayEntries.expiresAt', '<=', now),
      ),
);

/** Remembers requests in the server's own database, so that every process on it knows them (PROTOCOL 2). */
export function replayStore(database: SqlDatabase): ReplayStore {
  return boundedReplayStore({
    insert: ({ key, owner, expiresAt }, now) =>
      database.write(
        async (queries) => (await insert.run(queries, { key, owner, expiresAt, now })) > 0,
      ),
    count: (owner, now) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('replayEntries')
          .select(({ fn }) => fn.countAll<number>().as('used'))
          .where('owner', owner === 'identities' ? '>' : '=', owner === 'identities' ? '' : owner)
          .where('expiresAt', '>', now)
          .executeTakeFirstOrThrow();
        return Number(row.used);
      }),
    // The server's own sweep deletes them with everything else that has expired.
    deleteExpired: async () => undefined,
  });
}
