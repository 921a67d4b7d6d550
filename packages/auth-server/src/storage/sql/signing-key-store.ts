import type { SigningKeyRecord, SigningKeyStore } from '../signing-keys.js';
import { jsonFromText, jsonToText } from './json-text.js';
import type { Schema } from './schema.js';
import type { Queries, SqlDatabase } from './sql-database.js';

export function signingKeyStore(database: SqlDatabase): SigningKeyStore {
  return {
    insertIfNone: (key) =>
      database.write(async (queries) => {
        const active = await findActive(queries);
        if (active !== undefined) return fromRow(active);
        const { kid, algorithm, privateJwk, createdAt } = key;
        const row: Schema['signingKeys'] = {
          kid,
          algorithm,
          createdAt,
          privateJwk: jsonToText(privateJwk),
          state: 'active',
        };
        // Nothing is inserted when another process has been quicker: there is one active key.
        await queries
          .insertInto('signingKeys')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        return fromRow((await findActive(queries)) ?? row);
      }),

    list: () =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('signingKeys')
          .selectAll()
          .orderBy('state')
          .orderBy('createdAt', 'desc')
          .execute();
        return rows.map(fromRow);
      }),
  };
}

function findActive(queries: Queries): Promise<Schema['signingKeys'] | undefined> {
  return queries
    .selectFrom('signingKeys')
    .selectAll()
    .where('state', '=', 'active')
    .executeTakeFirst();
}

function fromRow(row: Schema['signingKeys']): SigningKeyRecord {
  return { ...row, privateJwk: jsonFromText(row.privateJwk) };
}
