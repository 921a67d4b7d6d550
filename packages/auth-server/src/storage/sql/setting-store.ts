import type { SettingStore } from '../settings.js';
import { StorageConfigurationError } from '../storage-error.js';
import { recordAct } from './record-act.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';

const ISSUER = 'issuer';
const POLICY = 'policy';

export function settingStore(database: SqlDatabase): SettingStore {
  return {
    get: (key) => database.read((queries) => getSetting(queries, key)),

    set: (key, value) => database.write((queries) => setSetting(queries, key, value)),

    raise: (key, value) =>
      database.write(
        async (queries) => {
          const known = Number((await getSetting(queries, key)) ?? NaN);
          if (known >= value) return known;
          await setSetting(queries, key, String(value));
          return value;
        },
        { alone: [`setting ${key}`] },
      ),

    bindIssuer: (issuer, now) =>
      database.write(async (queries) => {
        const result = await queries
          .insertInto('settings')
          .values({ key: ISSUER, value: issuer })
          .onConflict((conflict) => conflict.column('key').doNothing())
          .executeTakeFirst();
        if (changed(result)) await recordAct(queries, { time: now, act: 'issuer-bound', issuer });
        const bound = await getSetting(queries, ISSUER);
        if (bound === issuer) return;
        throw new StorageConfigurationError(
          `The database belongs to the issuer ${bound}, not to ${issuer}. Use another database, or the same issuer.`,
        );
      }),

    notePolicy: async (version, now) => {
      // Nearly always it is: a look is cheaper than a transaction.
      if ((await database.read((queries) => getSetting(queries, POLICY))) === version) return;
      await database.write(
        async (queries) => {
          if ((await getSetting(queries, POLICY)) === version) return;
          await setSetting(queries, POLICY, version);
          await recordAct(queries, { time: now, act: 'policy-changed', policy: version });
        },
        { alone: [`setting ${POLICY}`] },
      );
    },
  };
}

async function setSetting(queries: Queries, key: string, value: string): Promise<void> {
  await queries
    .insertInto('settings')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

async function getSetting(queries: Queries, key: string): Promise<string | undefined> {
  const row = await queries
    .selectFrom('settings')
    .select('value')
    .where('key', '=', key)
    .executeTakeFirst();
  return row?.value;
}
