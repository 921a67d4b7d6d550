import type { ReplayTable } from './bounded-replay-store.js';

/** The part of a SQLite driver that is used here; `libsql` and `better-sqlite3` have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(parameters: unknown[]): { readonly changes: number };
    get(parameters: unknown[]): unknown;
  };
}

const SCHEMA = `
  create table if not exists replay_entry (
    entry_key text primary key, owner text not null, expires_at integer not null
  ) without rowid;
  create index if not exists replay_entry_owner on replay_entry (owner, expires_at);
  create index if not exists replay_entry_expiry on replay_entry (expires_at);
`;

/** Replay records in a table of an open SQLite database, made when absent. Throws what the driver throws. */
export function sqliteReplayTable(database: SqliteDatabase): ReplayTable {
  database.exec(SCHEMA);
  const insert = database.prepare(
    `insert into replay_entry (entry_key, owner, expires_at) values (?, ?, ?)
     on conflict (entry_key) do update set owner = excluded.owner, expires_at = excluded.expires_at
     where replay_entry.expires_at <= ?`,
  );
  const countOwner = database.prepare(
    'select count(*) as used from replay_entry where owner = ? and expires_at > ?',
  );
  const countIdentities = database.prepare(
    `select count(*) as used from replay_entry where owner > '' and expires_at > ?`,
  );
  const deleteExpired = database.prepare(
    `delete from replay_entry where entry_key in
     (select entry_key from replay_entry where expires_at <= ? limit ?)`,
  );
  return {
    insert: async ({ key, owner, expiresAt }, now) =>
      insert.run([key, owner, expiresAt, now]).changes === 1,
    count: async (owner, now) => {
      const row: unknown =
        owner === 'identities' ? countIdentities.get([now]) : countOwner.get([owner, now]);
      return (row as { used: number }).used;
    },
    deleteExpired: async (now, batch) => {
      deleteExpired.run([now, batch]);
    },
  };
}
