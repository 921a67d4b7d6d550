import {
  type BoundedReplayStore,
  boundedReplayStore,
  type ReplayTable,
} from '@countersign/protocol';
import { answerAfter } from '../../observability/request-scope.js';
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
export function replayStore(database: SqlDatabase): BoundedReplayStore {
  return boundedReplayStore({
    insert: replayInsert(database),
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

/** Remembers a request; for one that is answered later, before that is on the disk. */
export function replayInsert(database: SqlDatabase): ReplayTable['insert'] {
  return async ({ key, owner, expiresAt }, now) => {
    const { value, kept } = await database.writeSoon((queries) =>
      insert.run(queries, { key, owner, expiresAt, now }),
    );
    // A request that writes more, as nearly all do, then waits for one commit in place of two.
    if (!answerAfter(database.scope, kept)) await kept;
    return value > 0;
  };
}
