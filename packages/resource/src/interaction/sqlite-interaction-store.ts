import { openSqlite } from '../open-sqlite.js';
import { type InteractionStore, SWEEP_BATCH, SWEEP_SECONDS } from './interaction-store.js';

export interface SqliteInteractionStore extends InteractionStore {
  /** Closes the file. */
  close(): void;
}

const SCHEMA = `
  create table if not exists interaction_record (
    record_key text primary key, kind text not null, owner text not null, value text not null,
    expires_at integer not null
  ) without rowid;
  create index if not exists interaction_record_owner on interaction_record (kind, owner, expires_at);
  create index if not exists interaction_record_expiry on interaction_record (expires_at);
`;

/**
 * An interaction store in a SQLite file, made with mode 0600 when absent; may be the file of the replay store. Survives
 * restarts and power cuts, and may be shared by the processes of one machine. Needs the optional peer `libsql`.
 *
 * Throws `AAuthError` `configuration_invalid` when the file cannot be opened for writing.
 */
export function sqliteInteractionStore(file: string): SqliteInteractionStore {
  const { database } = openSqlite(file, 'interaction', (opened) => opened.exec(SCHEMA));
  const put = database.prepare(
    `insert into interaction_record (record_key, kind, owner, value, expires_at)
     select ?1, ?2, ?3, ?4, ?5
     where (select count(*) from interaction_record
            where kind = ?2 and owner = ?3 and expires_at > ?6 and record_key <> ?1) < ?7
       and (select count(*) from interaction_record
            where kind = ?2 and expires_at > ?6 and record_key <> ?1) < ?8
     on conflict (record_key) do update set kind = excluded.kind, owner = excluded.owner,
       value = excluded.value, expires_at = excluded.expires_at`,
  );
  const find = database.prepare(
    'select value from interaction_record where record_key = ? and expires_at > ?',
  );
  const replace = database.prepare(
    `update interaction_record set value = ? where record_key = ? and value = ? and expires_at > ?`,
  );
  const take = database.prepare(
    'delete from interaction_record where record_key = ? and value = ? and expires_at > ?',
  );
  const deleteExpired = database.prepare(
    `delete from interaction_record where record_key in
     (select record_key from interaction_record where expires_at <= ? limit ?)`,
  );
  let sweptAt = -Infinity;
  return {
    async put({ key, kind, owner, value, expiresAt }, { perOwner, total }, now) {
      if (now - sweptAt >= SWEEP_SECONDS) {
        sweptAt = now;
        deleteExpired.run([now, SWEEP_BATCH]);
      }
      return put.run([key, kind, owner, value, expiresAt, now, perOwner, total]).changes === 1;
    },
    async find(key, now) {
      const row: unknown = find.get([key, now]);
      return (row as { value: string } | undefined)?.value;
    },
    replace: async (key, expected, next, now) =>
      replace.run([next, key, expected, now]).changes === 1,
    take: async (key, expected, now) => take.run([key, expected, now]).changes === 1,
    close: () => {
      database.close();
    },
  };
}
