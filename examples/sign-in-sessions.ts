/** Sessions of signed-in browsers in a SQLite file: what a web application adds to `agent.startSignIn`. */
import type { SignedInPerson } from '@countersign/agent';
import { hashSecret, randomSecret, systemClock, systemRandom } from '@countersign/protocol';
import Libsql from 'libsql';
import { closeSync, openSync } from 'node:fs';

/** Seconds that a session lasts, whatever the person does. */
export const SESSION_SECONDS = 8 * 3600;

/** Who sits at a browser. Issuer and subject say who it is; name and email are what the auth server said of them then. */
export interface Session {
  readonly personKey: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string | null;
  readonly email: string | null;
}

const SCHEMA = `
  create table if not exists session (
    id_hash text primary key, person_key text not null, issuer text not null, subject text not null,
    name text, email text, expires_at integer not null
  ) without rowid;
  create index if not exists session_expiry on session (expires_at);
`;

export interface SessionStore {
  /** Starts a session and returns the cookie's value, which is not kept: only its hash is. */
  start(person: SignedInPerson): Promise<string>;
  find(cookie: string): Promise<Session | undefined>;
  end(cookie: string): Promise<void>;
  close(): void;
}

/** Opens the file, made with mode 0600 when absent. `clock` is Unix seconds. */
export function sessionStore(file: string, clock = systemClock): SessionStore {
  closeSync(openSync(file, 'a', 0o600));
  const database = new Libsql(file);
  database.exec('pragma busy_timeout = 5000');
  database.exec('pragma journal_mode = wal');
  database.exec(SCHEMA);
  const insert = database.prepare(
    `insert into session (id_hash, person_key, issuer, subject, name, email, expires_at)
     values (?, ?, ?, ?, ?, ?, ?)`,
  );
  const select = database.prepare(
    `select person_key as personKey, issuer, subject, name, email from session
     where id_hash = ? and expires_at > ?`,
  );
  const remove = database.prepare('delete from session where id_hash = ?');
  const sweep = database.prepare('delete from session where expires_at <= ?');
  return {
    async start(person) {
      const now = clock();
      const cookie = randomSecret(systemRandom, 256);
      const { key, issuer, subject, claims } = person;
      // An address that nobody has confirmed could be anybody's.
      const email = claims.emailVerified === true ? claims.email : undefined;
      sweep.run([now]);
      insert.run([
        await hashSecret(cookie),
        key,
        issuer,
        subject,
        claims.name ?? null,
        email ?? null,
        now + SESSION_SECONDS,
      ]);
      return cookie;
    },
    find: async (cookie) => select.get([await hashSecret(cookie), clock()]) as Session | undefined,
    async end(cookie) {
      remove.run([await hashSecret(cookie)]);
    },
    close: () => {
      database.close();
    },
  };
}
