import type { HealthStore } from '../health.js';
import { schemaState } from './migrate.js';
import type { SqlDatabase } from './sql-database.js';

export function healthStore(database: SqlDatabase): HealthStore {
  return {
    check: async (now) => {
      const { missing } = await schemaState(database);
      // The tables below may be among what is missing.
      if (missing.length > 0) {
        return { missingMigrations: missing, signingKeys: [], undecidedQuestions: 0 };
      }
      const signingKeys = await database.read((queries) =>
        queries.selectFrom('signingKeys').select(['state', 'createdAt']).execute(),
      );
      const { undecided } = await database.read((queries) =>
        queries
          .selectFrom('pendingDecisions')
          .select(({ fn }) => fn.countAll<number>().as('undecided'))
          .where('outcome', 'is', null)
          .where('expiresAt', '>', now)
          .executeTakeFirstOrThrow(),
      );
      return {
        missingMigrations: missing,
        signingKeys,
        undecidedQuestions: Number(undecided),
      };
    },

    poolUse: () => database.poolUse(),
  };
}
