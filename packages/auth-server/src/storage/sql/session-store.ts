import type { OpenSession, SessionRecord, SessionStore } from '../sessions.js';
import { isUserEnabled } from './live.js';
import { PreparedQuery } from './prepared-query.js';
import { recordAct } from './record-act.js';
import { changed, count, type Queries, type SqlDatabase } from './sql-database.js';

export function sessionStore(database: SqlDatabase): SessionStore {
  return {
    create: (session) => database.write((queries) => insert(queries, session)),

    find: (idHash, now) => database.read((queries) => findLive.first(queries, { idHash, now })),

    open: (idHash, now) => database.read((queries) => open(queries, idHash, now)),

    touch: ({ idHash, now, expiresAt }) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('sessions')
          .set({ lastSeenAt: now, expiresAt })
          .where('idHash', '=', idHash)
          .where('expiresAt', '>', now)
          .executeTakeFirst();
        return changed(result);
      }),

    delete: (idHash) =>
      database.write(async (queries) => {
        const result = await queries
          .deleteFrom('sessions')
          .where('idHash', '=', idHash)
          .executeTakeFirst();
        return changed(result);
      }),

    deleteForUser: (userId) =>
      database.write(async (queries) => {
        const result = await queries
          .deleteFrom('sessions')
          .where('userId', '=', userId)
          .executeTakeFirst();
        return count(result);
      }),

    replace: (oldIdHash, session) =>
      database.write(async (queries) => {
        if (!(await mayExist(queries, session))) return false;
        const gone = await queries
          .deleteFrom('sessions')
          .where('idHash', '=', oldIdHash)
          .where('expiresAt', '>', session.createdAt)
          .executeTakeFirst();
        return changed(gone) && insert(queries, session);
      }),
  };
}

const findLive = new PreparedQuery((queries, { idHash, now }: { idHash: string; now: number }) =>
  queries
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.userId')
    .selectAll('sessions')
    .where('sessions.idHash', '=', idHash)
    .where('sessions.expiresAt', '>', now)
    .where('users.disabledAt', 'is', null),
);

const findOpen = new PreparedQuery((queries, { idHash, now }: { idHash: string; now: number }) =>
  queries
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.userId')
    .select([
      'sessions.userId',
      'users.username',
      'users.name',
      'users.email',
      'users.emailVerified',
    ])
    .where('sessions.idHash', '=', idHash)
    .where('sessions.expiresAt', '>', now)
    .where('users.disabledAt', 'is', null),
);

async function open(
  queries: Queries,
  idHash: string,
  now: number,
): Promise<OpenSession | undefined> {
  const row = await findOpen.first(queries, { idHash, now });
  if (row === undefined) return undefined;
  const { userId: id, username, name, email, emailVerified } = row;
  const user =
    id === null || username === null
      ? undefined
      : { id, username, name, email, emailVerified: emailVerified === 1 };
  return { idHash, user };
}

/** A session made for someone who is disabled at that moment would come to life when they are enabled again. */
async function mayExist(queries: Queries, { userId }: SessionRecord): Promise<boolean> {
  return userId === null || isUserEnabled(queries, userId);
}

async function insert(queries: Queries, session: SessionRecord): Promise<boolean> {
  if (!(await mayExist(queries, session))) return false;
  const { idHash, userId, createdAt, authenticatedAt, lastSeenAt, expiresAt } = session;
  await queries
    .insertInto('sessions')
    .values({ idHash, userId, createdAt, authenticatedAt, lastSeenAt, expiresAt })
    .execute();
  if (userId !== null) {
    await recordAct(queries, {
      time: createdAt,
      act: 'signed-in',
      by: 'person',
      account: userId,
    });
  }
  return true;
}
