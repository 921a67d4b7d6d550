import type { SigningKeyRecord, SigningKeyStore } from '../signing-keys.js';
import { jsonFromText, jsonToText } from './json-text.js';
import { recordAct } from './record-act.js';
import type { Schema } from './schema.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';

/** Who decides by all keys together does so alone. */
const ALONE = { alone: ['signing-keys'] };

export function signingKeyStore(database: SqlDatabase): SigningKeyStore {
  return {
    insertIfNone: (key) =>
      database.write(async (queries) => {
        const [first] = await list(queries);
        if (first !== undefined) return first;
        await insert(queries, key);
        await recordAdded(queries, key, key.createdAt);
        return key;
      }, ALONE),

    list: () => database.read(list),

    add: (key, now) =>
      database.write(async (queries) => {
        const keys = await list(queries);
        if (keys.some(({ kid }) => kid === key.kid)) return 'taken';
        if (keys.some(({ activeFrom }) => activeFrom > now)) return 'pending';
        // Never in the same second as another: the later one is to be the one that signs.
        const latest = Math.max(...keys.map(({ activeFrom }) => activeFrom));
        await insert(queries, { ...key, activeFrom: Math.max(key.activeFrom, latest + 1) });
        await recordAdded(queries, key, now);
        return 'added';
      }, ALONE),

    remove: async (kid, replacement, now, why = 'revoked') => {
      const removed = await database.write(async (queries) => {
        const keys = await list(queries);
        if (!keys.some((key) => key.kid === kid)) return false;
        const signing = keys.findLast(({ activeFrom }) => activeFrom <= now);
        await queries.deleteFrom('signingKeys').where('kid', '=', kid).execute();
        const act = why === 'revoked' ? 'key-revoked' : 'key-removed';
        await recordAct(queries, { time: now, act, key: kid });
        if (signing !== undefined && signing.kid !== kid) return true;
        // A key that another had taken over from never signs again: the next one does, or a new one.
        const left = keys.filter((key) => key.kid !== kid);
        const past = left.filter(({ activeFrom }) => activeFrom <= now);
        const from = Math.max(now, ...past.map(({ activeFrom }) => activeFrom + 1));
        const waiting = left.find(({ activeFrom }) => activeFrom > now);
        if (waiting === undefined) {
          await insert(queries, { ...replacement, activeFrom: from });
          await recordAdded(queries, replacement, now);
          return true;
        }
        await queries
          .updateTable('signingKeys')
          .set({ activeFrom: from })
          .where('kid', '=', waiting.kid)
          .execute();
        return true;
      }, ALONE);
      if (removed) await database.emptyJournal();
      return removed;
    },

    replaceAll: async (keys, now) => {
      const replaced = await database
        .write(async (queries) => {
          for (const { kid, privateJwk } of keys) {
            const result = await queries
              .updateTable('signingKeys')
              .set({ privateJwk: jsonToText(privateJwk) })
              .where('kid', '=', kid)
              .executeTakeFirst();
            if (!changed(result)) throw new KeyGone();
          }
          const key = keys.map(({ kid }) => kid).join(' ');
          await recordAct(queries, { time: now, act: 'keys-sealed', key });
          return true;
        }, ALONE)
        .catch((error: unknown) => {
          if (error instanceof KeyGone) return false;
          throw error;
        });
      if (replaced) await database.emptyJournal();
      return replaced;
    },
  };
}

/** Takes the transaction back. */
class KeyGone extends Error {}

async function list(queries: Queries): Promise<SigningKeyRecord[]> {
  const rows = await queries
    .selectFrom('signingKeys')
    .selectAll()
    .orderBy('activeFrom')
    .orderBy('kid')
    .execute();
  return rows.map((row) => ({ ...row, privateJwk: jsonFromText(row.privateJwk) }));
}

async function recordAdded(
  queries: Queries,
  { kid }: SigningKeyRecord,
  time: number,
): Promise<void> {
  await recordAct(queries, { time, act: 'key-added', key: kid });
}

async function insert(queries: Queries, key: SigningKeyRecord): Promise<void> {
  const { kid, algorithm, createdAt, activeFrom, privateJwk } = key;
  const row: Schema['signingKeys'] = {
    kid,
    algorithm,
    createdAt,
    activeFrom,
    privateJwk: jsonToText(privateJwk),
  };
  await queries.insertInto('signingKeys').values(row).execute();
}
