import {
  AAuthError,
  boundedReplayStore,
  type ReplayLimits,
  type ReplayStore,
  sqliteReplayTable,
} from '@countersign/protocol';
import Libsql from 'libsql';
import { closeSync, existsSync, openSync } from 'node:fs';
import type { DelegateRecord, DelegateStore } from './delegates/delegate-store.js';

/** What an agent server keeps, in one file. */
export interface SqliteAgentServerStore {
  readonly delegates: DelegateStore;
  readonly replay: ReplayStore;
  /** Closes the file. */
  close(): void;
}

const SCHEMA = `
  create table if not exists agent_delegate (
    secret_hash text primary key, delegate text not null,
    created_at integer not null, revoked_at integer
  );
  create unique index if not exists agent_delegate_name on agent_delegate (delegate)
    where revoked_at is null;
`;

/** Writes wait this long for another process on the same file. */
const BUSY_MILLISECONDS = 5_000;

/**
 * An agent server's delegates and the requests it remembers, in a SQLite file, made with mode 0600 when absent: survives
 * restarts and power cuts, and may be shared by the processes of one machine. Use a file for one agent server only:
 * whoever is enrolled in it is enrolled everywhere it is used. Needs the optional peer `libsql`.
 *
 * Throws `AAuthError` `configuration_invalid` when the file cannot be opened for writing.
 */
export function sqliteAgentServerStore(
  file: string,
  limits: ReplayLimits = {},
): SqliteAgentServerStore {
  try {
    // Not when it exists: to close it would drop the locks of other connections of this process.
    if (file !== ':memory:' && !existsSync(file)) closeSync(openSync(file, 'a', 0o600));
    const database = new Libsql(file);
    database.exec(`pragma busy_timeout = ${BUSY_MILLISECONDS}`);
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    database.exec(SCHEMA);
    return {
      delegates: delegatesIn(database),
      replay: boundedReplayStore(sqliteReplayTable(database), limits),
      close: () => {
        database.close();
      },
    };
  } catch (cause) {
    throw new AAuthError('configuration_invalid', `The agent database cannot be used: ${file}`, {
      cause,
    });
  }
}

interface DelegateRow {
  readonly delegate: string;
  readonly secret_hash: string;
  readonly created_at: number;
  readonly revoked_at: number | null;
}

function delegatesIn(database: Libsql.Database): DelegateStore {
  const insert = database.prepare(
    `insert into agent_delegate (secret_hash, delegate, created_at) values (?, ?, ?)
     on conflict do nothing`,
  );
  const list = database.prepare(
    `select delegate, secret_hash, created_at, revoked_at from agent_delegate
     order by created_at, rowid`,
  );
  const revoke = database.prepare(
    'update agent_delegate set revoked_at = ? where delegate = ? and revoked_at is null',
  );
  const find = database.prepare(
    'select delegate from agent_delegate where secret_hash = ? and revoked_at is null',
  );
  return {
    add: async (delegate, secretHash, now) => insert.run([secretHash, delegate, now]).changes === 1,
    list: async () => (list.all([]) as DelegateRow[]).map(recordOf),
    revoke: async (delegate, now) => revoke.run([now, delegate]).changes === 1,
    findBySecret: async (secretHash) =>
      (find.get([secretHash]) as Pick<DelegateRow, 'delegate'> | undefined)?.delegate,
  };
}

function recordOf(row: DelegateRow): DelegateRecord {
  return {
    delegate: row.delegate,
    secretHash: row.secret_hash,
    createdAt: row.created_at,
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}
