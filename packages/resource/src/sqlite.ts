import {
  AAuthError,
  boundedReplayStore,
  type ReplayLimits,
  type ReplayStore,
} from '@countersign/protocol';
import Libsql from 'libsql';
import { closeSync, openSync } from 'node:fs';

export interface SqliteReplayStore extends ReplayStore {
  /** Closes the file. */
  close(): void;
}

const SCHEMA = `
  create table if not exists replay_entry (
    entry_key text primary key, owner text not null, expires_at integer not null
  ) without rowid;
  create index if not exists replay_entry_owner on replay_entry (owner, expires_at);
  create index if not exists replay_entry_expiry on replay_entry (expires_at);
`;

/** Writes wait this long for another process on the same file. */
const BUSY_MILLISECONDS = 5_000;

/**
 * A replay store in a SQLite file, made with mode 0600 when absent: survives restarts and power cuts, and may be shared
 * by the processes of one machine. Needs the optional peer `libsql`.
 *
 * Throws `AAuthError` `configuration_invalid` when the file cannot be opened for writing.
 */
export function sqliteReplayStore(file: string, limits: ReplayLimits = {}): SqliteReplayStore {
  const database = open(file);
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
  const store = boundedReplayStore(
    {
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
    },
    limits,
  );
  return {
    remember: (record, now) => store.remember(record, now),
    close: () => {
      database.close();
    },
  };
}

function open(file: string): Libsql.Database {
  try {
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    const database = new Libsql(file);
    database.exec(`pragma busy_timeout = ${BUSY_MILLISECONDS}`);
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    database.exec(SCHEMA);
    return database;
  } catch (cause) {
    throw new AAuthError('configuration_invalid', `The replay file cannot be used: ${file}`, {
      cause,
    });
  }
}
