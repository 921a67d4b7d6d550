import { usernameKey } from '../username.js';
import type { NewUser, UserRecord, UserStore } from '../users.js';
import { PreparedQuery } from './prepared-query.js';
import type { UserRow } from './schema.js';
import { recordAct } from './record-act.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';

export function userStore(database: SqlDatabase): UserStore {
  return {
    create: (user) => database.write((queries) => create(queries, user)),

    createAll: async (users) => {
      try {
        await database.write(async (queries) => {
          const taken: number[] = [];
          for (const [index, user] of users.entries()) {
            if (!(await create(queries, user))) taken.push(index);
          }
          if (taken.length > 0) throw new Taken(taken);
        });
        return [];
      } catch (error) {
        if (error instanceof Taken) return error.indices;
        throw error;
      }
    },

    findById: (id) =>
      database.read(async (queries) => asRecord(await findById.first(queries, { id }))),

    findByUsername: (username) =>
      database.read(async (queries) =>
        asRecord(
          await queries
            .selectFrom('users')
            .selectAll()
            .where('usernameKey', '=', usernameKey(username))
            .executeTakeFirst(),
        ),
      ),

    list: () =>
      database.read(async (queries) => {
        const rows = await queries.selectFrom('users').selectAll().orderBy('usernameKey').execute();
        return rows.map(fromRow);
      }),

    setPassword: ({ userId, passwordHash, keepSession, now }) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('users')
          .set({ passwordHash })
          .where('id', '=', userId)
          .executeTakeFirst();
        await queries
          .deleteFrom('sessions')
          .where('userId', '=', userId)
          .$if(keepSession !== null, (others) => others.where('idHash', '!=', keepSession ?? ''))
          .execute();
        if (!changed(result)) return false;
        await recordAct(queries, {
          time: now,
          act: 'user-password-set',
          // Who has a session there changed it themselves.
          ...(keepSession === null ? {} : { by: 'person' }),
          account: userId,
        });
        return true;
      }),

    disable: (id, now) =>
      database.write(async (queries) => {
        // Also when they are disabled already: nobody may enable them in between.
        const result = await queries
          .updateTable('users')
          .set((expression) => ({
            disabledAt: expression.fn.coalesce('disabledAt', expression.val(now)),
          }))
          .where('id', '=', id)
          .executeTakeFirst();
        if (!changed(result)) return false;
        await withdrawEverything(queries, id, now);
        await recordAct(queries, { time: now, act: 'user-disabled', account: id });
        return true;
      }),

    enable: (id, now) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('users')
          .set({ disabledAt: null })
          .where('id', '=', id)
          .executeTakeFirst();
        if (!changed(result)) return false;
        await recordAct(queries, { time: now, act: 'user-enabled', account: id });
        return true;
      }),
  };
}

/** Takes the transaction back. */
class Taken extends Error {
  readonly indices: readonly number[];

  constructor(indices: readonly number[]) {
    super('some user names or subjects are taken');
    this.indices = indices;
  }
}

async function create(queries: Queries, user: NewUser): Promise<boolean> {
  const result = await queries
    .insertInto('users')
    .values({
      ...user,
      emailVerified: user.emailVerified ? 1 : 0,
      usernameKey: usernameKey(user.username),
      disabledAt: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (!changed(result)) return false;
  await recordAct(queries, { time: user.createdAt, act: 'user-added', account: user.id });
  return true;
}

const findById = new PreparedQuery((queries, { id }: { id: string }) =>
  queries.selectFrom('users').selectAll().where('id', '=', id),
);

async function withdrawEverything(queries: Queries, userId: string, now: number): Promise<void> {
  await queries.deleteFrom('sessions').where('userId', '=', userId).execute();
  await queries
    .deleteFrom('codes')
    .where('userId', '=', userId)
    .where('redeemedAt', 'is', null)
    .execute();
  await queries
    .updateTable('refreshTokens')
    .set({ revokedAt: now })
    .where('grantId', 'in', queries.selectFrom('grants').select('id').where('userId', '=', userId))
    .where('revokedAt', 'is', null)
    .execute();
}

function asRecord(row: UserRow | undefined): UserRecord | undefined {
  return row === undefined ? undefined : fromRow(row);
}

function fromRow({ usernameKey: _key, emailVerified, ...row }: UserRow): UserRecord {
  return { ...row, emailVerified: emailVerified === 1 };
}
