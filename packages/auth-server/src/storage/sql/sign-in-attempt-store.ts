import type { SignInAttemptStore } from '../sign-in-attempts.js';
import { admitAttempt, type AttemptFacts } from './attempt-admission.js';
import type { Queries, SqlDatabase } from './sql-database.js';

export function signInAttemptStore(database: SqlDatabase): SignInAttemptStore {
  return {
    begin: ({ account, address, now, limits }) => {
      const alone = names(account, address);
      return database.write(
        async (queries) => {
          const facts = await gather(queries, { attempt: { account, address, now }, limits });
          const admission = admitAttempt(facts);
          if (!admission.allowed) return admission;
          await queries
            .insertInto('signInAttempts')
            .values({ account, address, attemptedAt: now, failures: 1 })
            .onConflict((conflict) =>
              conflict.columns(['account', 'address', 'attemptedAt']).doUpdateSet((expression) => ({
                failures: expression('signInAttempts.failures', '+', 1),
              })),
            )
            .execute();
          return admission;
        },
        { alone },
      );
    },

    knows: ({ account, address, now }) =>
      database.read(async (queries) => {
        const known = await queries
          .selectFrom('signInAddresses')
          .select('address')
          .where('account', '=', account)
          .where('address', '=', address)
          .where('lastSignInAt', '>', now)
          .executeTakeFirst();
        return known !== undefined;
      }),

    succeed: ({ account, address, now }) => {
      const alone = names(account, address);
      return database.write(
        async (queries) => {
          await queries
            .deleteFrom('signInAttempts')
            .where('account', '=', account)
            .where('address', '=', address)
            .execute();
          await queries
            .insertInto('signInAddresses')
            .values({ account, address, lastSignInAt: now })
            .onConflict((conflict) =>
              conflict.columns(['account', 'address']).doUpdateSet({ lastSignInAt: now }),
            )
            .execute();
        },
        { alone },
      );
    },
  };
}

/** Attempts are counted, and those that come at the same time must count one another. */
function names(account: string, address: string): string[] {
  return [`sign-in account ${account}`, `sign-in address ${address}`];
}

async function gather(
  queries: Queries,
  { attempt, limits }: Pick<AttemptFacts, 'attempt' | 'limits'>,
): Promise<AttemptFacts> {
  const { account, address, now } = attempt;
  const failures = await queries
    .selectFrom('signInAttempts')
    .selectAll()
    .where('attemptedAt', '>', now - limits.windowSeconds)
    .where((expression) =>
      expression.or([expression('account', '=', account), expression('address', '=', address)]),
    )
    .execute();
  const addresses = await queries
    .selectFrom('signInAddresses')
    .select('address')
    .where('account', '=', account)
    .where('lastSignInAt', '>', now - limits.knownAddressSeconds)
    .execute();
  const knownAddresses = new Set(addresses.map((known) => known.address));
  return { attempt, limits, failures, knownAddresses };
}
