import type { HealthStore } from '../health.js';
import { scheduleKeys } from '../../keys/key-schedule.js';
import { schemaState } from './migrate.js';
import type { SqlDatabase } from './sql-database.js';

/** Keys that were retired longer ago are of no interest. */
const KEPT_SECONDS = 86_400;

export function healthStore(database: SqlDatabase): HealthStore {
  return {
    check: async (now) => {
      const { missing } = await schemaState(database);
      // The tables below may be among what is missing.
      if (missing.length > 0) {
        return { missingMigrations: missing, signingKeys: [], undecidedQuestions: 0 };
      }
      const keys = await database.read((queries) =>
        queries.selectFrom('signingKeys').select(['kid', 'createdAt', 'activeFrom']).execute(),
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
        signingKeys: scheduleKeys(keys, now, KEPT_SECONDS).map(({ record, state }) => ({
          state,
          createdAt: record.createdAt,
        })),
        undecidedQuestions: Number(undecided),
      };
    },

    poolUse: () => database.poolUse(),
  };
}
