import type { SubjectStore } from '../subjects.js';
import { PreparedQuery } from './prepared-query.js';
import type { Queries, SqlDatabase } from './sql-database.js';

export function subjectStore(database: SqlDatabase): SubjectStore {
  return {
    subjectFor: async (userId, audience) => {
      const assigned = await database.read((queries) => findAssigned(queries, userId, audience));
      return assigned ?? database.write((queries) => assign(queries, userId, audience));
    },

    userFor: (subject, audience) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('subjects')
          .select('userId')
          .where('audience', '=', audience)
          .where('subject', '=', subject)
          .executeTakeFirst();
        return row?.userId;
      }),
  };
}

async function findAssigned(
  queries: Queries,
  userId: string,
  audience: string,
): Promise<string | undefined> {
  return (await find.first(queries, { userId, audience }))?.subject;
}

const find = new PreparedQuery(
  (queries, { userId, audience }: { userId: string; audience: string }) =>
    queries
      .selectFrom('subjects')
      .select('subject')
      .where('userId', '=', userId)
      .where('audience', '=', audience),
);

async function assign(
  queries: Queries,
  userId: string,
  audience: string,
): Promise<string | undefined> {
  const user = await queries
    .selectFrom('users')
    .select('subject')
    .where('id', '=', userId)
    .executeTakeFirst();
  if (user === undefined) return undefined;
  await queries
    .insertInto('subjects')
    .values({ userId, audience, subject: user.subject })
    // Whichever of the two unique indexes PostgreSQL looks at first: of two at once, either may be the one that fails.
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return findAssigned(queries, userId, audience);
}
