import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  inspectDatabase,
  migrateDatabase,
  openStorage,
  type OpenStorageOptions,
  type Storage,
  StorageConfigurationError,
  StorageError,
} from '../../src/storage/index.js';
import { migrations } from '../../src/storage/sql/migrations/index.js';
import {
  approvedCode,
  claimedQuestion,
  grantWith,
  newCode,
  newQuestion,
  newSession,
  newUser,
  NOW,
  redemption,
  refresh,
  refreshable,
} from './contract/fixtures.js';
import { startTlsPostgres, type TlsPostgresServer } from './own-postgres.js';
import { createDatabase, execute, type TestDatabase } from './postgres-database.js';
import { startWorker } from './worker.js';

let server: TlsPostgresServer;
let database: TestDatabase;
let opened: Storage[];
const directory = mkdtempSync(join(tmpdir(), 'countersign-postgres-'));

beforeAll(async () => {
  server = await startTlsPostgres();
}, 60_000);

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await server.stop();
});

beforeEach(async () => {
  opened = [];
  database = await createDatabase(server);
});

afterEach(async () => {
  // The databases go with their server.
  await Promise.all(opened.map((storage) => storage.close()));
});

async function open(options: OpenStorageOptions = {}, url = database.url): Promise<Storage> {
  const storage = await openStorage(url, options);
  opened.push(storage);
  return storage;
}

const changed = (change: (url: URL) => void): string => {
  const url = new URL(database.url);
  change(url);
  return url.href;
};

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Waits until that many of the database's connections wait for a lock. */
async function waiting(count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const rows = await database.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(rows).toHaveLength(count);
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** Runs statements in a transaction that stays open until it is ended. */
async function holding(...statements: string[]) {
  const client = new pg.Client({ connectionString: database.url });
  // Ended with its database when a test has failed.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  for (const statement of statements) await client.query(statement);
  return {
    run: (statement: string) => client.query(statement),
    end: async (how: 'commit' | 'rollback') => {
      await client.query(how);
      await client.end();
    },
  };
}

describe('opening PostgreSQL', () => {
  it('works for ten that open an empty database at once, with one set of migrations', async () => {
    const stores = await Promise.all(Array.from({ length: 10 }, () => open({ poolSize: 1 })));
    expect(await stores[0]!.users.create(newUser('ana'))).toBe(true);
    for (const store of stores) expect(await store.users.list()).toHaveLength(1);
    const rows = await database.query('select version, name from schema_migrations order by 1');
    expect(rows).toEqual(migrations.map(({ name }, index) => ({ version: index + 1, name })));
  });

  it('needs no right to change tables once they are up to date', async () => {
    await migrateDatabase(database.url);
    const role = `reader_${Date.now()}`;
    await database.query(`create role ${role} login password 'x'`);
    await database.query(
      `grant select, insert, update, delete on all tables in schema public to ${role}`,
    );
    const url = changed((one) => {
      one.username = role;
      one.password = 'x';
    });
    const storage = await open({ migrations: 'require' }, url);
    expect(await storage.users.create(newUser('ana'))).toBe(true);
    await storage.close();
    await database.query(`drop owned by ${role}`);
    await database.query(`drop role ${role}`);
  });

  it('records and chains what it does as a user with the rights that the documents give it, and can change none of it', async () => {
    await (await open()).close();
    const page = readFileSync(new URL('../../../../docs/operating.md', import.meta.url), 'utf8');
    const rights = [...page.matchAll(/--command "((?:grant|revoke) .*)"/g)].map(([, sql]) => sql);
    expect(rights).toHaveLength(4);
    const role = `server_${randomUUID().replaceAll('-', '')}`;
    await database.query(`create role ${role} login password 'secret'`);
    for (const right of rights) {
      await database.query(String(right).replaceAll('countersign_server', role));
    }
    const url = new URL(database.url);
    url.username = role;
    url.password = 'secret';
    const storage = await open({ migrations: 'require' }, url.href);
    await approvedCode(storage);
    await storage.codes.redeem(redemption());
    expect(await storage.audit.seal()).toMatchObject({ sequence: 4 });
    for (const statement of [
      'delete from audit_entries',
      "update audit_entries set text = 'x'",
      'truncate audit_entries',
      'delete from audit_starts',
      "insert into audit_starts values (9, 'x', 1)",
      'alter table audit_entries disable trigger all',
    ]) {
      await expect(execute(url.href, statement)).rejects.toMatchObject({ code: '42501' });
    }
    expect(await storage.audit.prune(NOW, NOW)).toBe(0);
  });

  it('compares text byte by byte, whatever the locale of the database', async () => {
    await open();
    const rows = await database.query(
      `select attrelid::regclass::text as table_name, attname from pg_attribute
       where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r')
       and atttypid = 'text'::regtype and attcollation <> '"C"'::regcollation`,
    );
    expect(rows).toEqual([]);
  });

  it('names itself to the server, and keeps to its pool', async () => {
    const storage = await open(
      {},
      changed((url) => (url.search = '?application_name=replica-1&pool_size=2')),
    );
    await Promise.all(Array.from({ length: 20 }, () => storage.users.list()));
    const rows = await database.query(
      `select 1 from pg_stat_activity where application_name = 'replica-1'`,
    );
    expect(rows).toHaveLength(2);
  });

  it('waits for the disk even where the database has that switched off', async () => {
    await database.query(
      `do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
    );
    const storage = await open({ poolSize: 1 });
    await storage.users.list();
    await database.query(`create table seen (setting text)`);
    await database.query(
      `create function see() returns trigger language plpgsql as $$ begin
         insert into seen values (current_setting('synchronous_commit')); return new; end $$`,
    );
    await database.query(
      `create trigger see after insert on users for each row execute function see()`,
    );
    await storage.users.create(newUser('ana'));
    expect(await database.query('select setting from seen')).toEqual([{ setting: 'on' }]);
  });

  it('keeps strings with characters that PostgreSQL has no place for', async () => {
    const storage = await open();
    for (const name of ['a\0b', 'a\uffffb', 'a\uffff0b', '\uffff\0']) {
      expect(await storage.users.findByUsername(name)).toBeUndefined();
      await storage.users.create({ ...newUser(`x${name}`), id: name, name });
      expect(await storage.users.findById(name)).toMatchObject({ id: name, name });
    }
    expect(await storage.users.list()).toHaveLength(4);
  });

  it.each<[string, (url: URL) => void, string]>([
    ['a wrong password', (url) => (url.password = 'hunter2'), 'user name or password'],
    [
      'a database that is not there',
      (url) => (url.pathname = '/nosuch'),
      'no database of that name',
    ],
  ])('is refused for %s, with what to change', async (_case, change, why) => {
    const error = await failure(openStorage(changed(change)));
    expect(error).toBeInstanceOf(StorageConfigurationError);
    expect(String(error)).toContain(why);
    expect(String(error)).not.toContain('hunter2');
  });

  it('is refused for a database that cannot hold every text', async () => {
    const other = await createDatabase(
      server,
      `encoding 'SQL_ASCII' locale 'C' template template0`,
    );
    await expect(openStorage(other.url)).rejects.toThrow('encoding SQL_ASCII');
    await other.drop();
  });

  it('is refused for tables of a newer version, and for tables of another one', async () => {
    await migrateDatabase(database.url);
    await database.query(`update schema_migrations set name = 'other' where version = 2`);
    await expect(openStorage(database.url)).rejects.toThrow(
      'the migration "other" as number 2, where this version of the server has "delegation"',
    );
    await database.query(`insert into schema_migrations values (1000, 'from the future')`);
    const error = await failure(openStorage(database.url));
    expect(error).toBeInstanceOf(StorageConfigurationError);
    expect(String(error)).toContain('schema version 1000');
  });

  it('is refused for older tables when it may not change them, which stay as they are', async () => {
    const error = await failure(openStorage(database.url, { migrations: 'require' }));
    expect(error).toBeInstanceOf(StorageConfigurationError);
    expect(String(error)).toContain('Run `countersign migrate` first');
    expect(await inspectDatabase(database.url)).toMatchObject({
      version: 0,
      latest: migrations.length,
    });
    expect(await migrateDatabase(database.url)).toEqual(migrations.map(({ name }) => name));
    expect(await migrateDatabase(database.url)).toEqual([]);
    await open({ migrations: 'require' });
  });

  it('fails when nobody listens there, and says so to the log alone', async () => {
    const error = await failure(openStorage('postgres://me:hunter2@127.0.0.1:1/x'));
    expect(error).toBeInstanceOf(StorageError);
    expect(String(error)).not.toMatch(/127|hunter2/);
    expect(error).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });
});

describe('a connection with TLS', () => {
  const settings = (host: string, search: string) =>
    changed((url) => {
      url.hostname = host;
      url.search = search;
    });

  it('is made where the certificate is verified, or verification has been given up', async () => {
    const caFile = join(directory, 'ca.pem');
    writeFileSync(caFile, server.ca);
    for (const search of [
      `?sslmode=verify-full&sslrootcert=${caFile}`,
      `?sslmode=require&sslrootcert=${caFile}`,
      '?sslmode=no-verify',
    ]) {
      const name = `tls-${search.length}`;
      const storage = await open({}, settings('localhost', `${search}&application_name=${name}`));
      await storage.users.list();
      const rows = await database.query(
        `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = $1`,
        [name],
      );
      expect(rows).toEqual([{ ssl: true }]);
    }
  });

  it.each([
    ['an unknown CA', 'localhost', '', 'cannot be verified (UNABLE_TO_VERIFY_LEAF_SIGNATURE)'],
    ['another name', '127.0.0.1', 'ca', 'cannot be verified (ERR_TLS_CERT_ALTNAME_INVALID)'],
  ])('is refused for %s', async (_case, host, ca, why) => {
    const caFile = join(directory, 'ca.pem');
    writeFileSync(caFile, server.ca);
    const search = `?sslmode=verify-full${ca === '' ? '' : `&sslrootcert=${caFile}`}`;
    const error = await failure(openStorage(settings(host, search)));
    expect(error).toBeInstanceOf(StorageConfigurationError);
    expect(String(error)).toContain(why);
  });

  it('is refused where the server has none', async () => {
    await execute(server.url, 'alter system set ssl = off');
    await execute(server.url, 'select pg_reload_conf()');
    await vi.waitFor(async () => {
      const [row] = await execute(server.url, 'show ssl');
      expect(row).toEqual({ ssl: 'off' });
    });
    await expect(openStorage(settings('localhost', '?sslmode=require'))).rejects.toThrow(
      'offers no TLS',
    );
  });
});

describe('what one transaction decides upon', () => {
  const ledgerRow = {
    jti: 'x',
    kind: 'auth',
    agent: 'https://agent.example',
    delegate: null,
    audience: 'https://resource.example',
    subject: null,
    grantId: 'grant',
    parentJti: null,
    issuedAt: NOW,
    expiresAt: NOW + 60,
  };

  it('is waited for while a person is being disabled, and then refused', async () => {
    const storage = await open();
    await approvedCode(storage);
    const { idHash } = await claimedQuestion(storage, 'second');
    const disabling = await holding(`update users set disabled_at = ${NOW} where id = 'id-ana'`);
    const attempts = Promise.all([
      storage.issuedTokens.insert(ledgerRow),
      storage.codes.redeem(redemption()),
      grantWith(storage, { idHash, userId: 'id-ana' }, newCode('code-2')),
      storage.sessions.create(newSession('session', { userId: 'id-ana' })),
    ]);
    await waiting(4);
    await disabling.end('commit');
    expect(await attempts).toEqual([
      false,
      { outcome: 'refused', reason: 'revoked' },
      { won: false, reason: 'user-disabled' },
      false,
    ]);
  });

  it('is waited for while a question is being given back, and then whoever waited has it', async () => {
    const storage = await open();
    const { idHash } = await claimedQuestion(storage);
    await storage.users.create(newUser('bob'));
    const givingBack = await holding(`update pending_decisions set claimed_by = null`);
    const attempt = storage.pendingDecisions.claim(idHash, 'id-bob', NOW);
    await waiting(1);
    await givingBack.end('commit');
    expect(await attempt).toBe('claimed');
    expect(await storage.pendingDecisions.find(idHash)).toMatchObject({ claimedBy: 'id-bob' });
  });

  it('is waited for while a grant is being revoked, and then refused', async () => {
    const storage = await open();
    await approvedCode(storage);
    const revoking = await holding(`update grants set revoked_at = ${NOW} where id = 'grant'`);
    const attempts = Promise.all([
      storage.issuedTokens.insert(ledgerRow),
      storage.codes.redeem(redemption()),
    ]);
    await waiting(2);
    await revoking.end('commit');
    expect(await attempts).toEqual([false, { outcome: 'refused', reason: 'revoked' }]);
  });

  it('is waited for by a refresh too, so that none comes after the revocation', async () => {
    const storage = await open();
    await approvedCode(storage);
    expect(await storage.codes.redeem(redemption())).toMatchObject({ outcome: 'redeemed' });
    expect(await storage.refreshTokens.use(refresh())).toBeDefined();
    const revoking = await holding(`update grants set revoked_at = ${NOW} where id = 'grant'`);
    const attempt = storage.refreshTokens.use(
      refresh({ issued: { jti: 'later', kind: 'auth', expiresAt: NOW + 60 } }),
    );
    await waiting(1);
    await revoking.end('commit');
    expect(await attempt).toBeUndefined();
    expect(await storage.issuedTokens.find('later')).toBeUndefined();
  });

  it('is allowed when the revocation that was waited for comes to nothing', async () => {
    const storage = await open();
    await approvedCode(storage);
    const revoking = await holding(`update grants set revoked_at = ${NOW} where id = 'grant'`);
    const attempt = storage.codes.redeem(redemption());
    await waiting(1);
    await revoking.end('rollback');
    expect(await attempt).toMatchObject({ outcome: 'redeemed' });
  });

  it('is seen as the other one leaves it: a claim, an answer, a wider grant', async () => {
    const storage = await open();
    await approvedCode(storage);
    await storage.users.create(newUser('bob'));
    const more = await claimedQuestion(storage, 'more');
    for (const name of ['unclaimed', 'unanswered']) await claimedQuestion(storage, name);
    await storage.pendingDecisions.release('unclaimed', 'id-ana');
    const other = await holding(
      `update pending_decisions set claimed_by = 'id-bob' where id_hash = 'unclaimed'`,
      `update pending_decisions set outcome = 'denied' where id_hash = 'unanswered'`,
      `update grants set scope = 'data.read data.list' where id = 'grant'`,
    );
    const attempts = Promise.all([
      storage.pendingDecisions.claim('unclaimed', 'id-ana', NOW),
      grantWith(storage, { ...more, idHash: 'unanswered' }, newCode('code-2')),
      grantWith(storage, more, newCode('code-3'), { scope: 'data.write' }),
    ]);
    await waiting(3);
    await other.end('commit');
    expect(await attempts).toEqual([
      'claimed-by-another',
      { won: false, reason: 'already-decided' },
      { won: true, grantId: 'grant' },
    ]);
    expect((await storage.grants.findById('grant'))?.scope).toBe('data.read data.list data.write');
  });

  it('is found when the other one makes it first: a grant, a signing key, one question too many', async () => {
    const storage = await open();
    const { agent, audience } = ledgerRow;
    const other = await holding(
      `insert into grants (id, agent, audience, scope, created_at, updated_at)
       values ('first', '${agent}', '${audience}', 'a', 0, 0)`,
      `select pg_advisory_xact_lock(hashtextextended('signing-keys', 0))`,
      `insert into signing_keys (kid, algorithm, private_jwk, created_at, active_from)
       values ('first', 'ed25519', '{}', 0, 0)`,
      `select pg_advisory_xact_lock(hashtextextended('questions of ${agent}', 0))`,
      `insert into pending_decisions (id_hash, agent, audience, question, redirect_uri, created_at, expires_at)
       values ('first', '${agent}', '${audience}', '{}', 'x', ${NOW}, ${NOW + 60})`,
    );
    const attempts = Promise.all([
      storage.grants.issueDirectly({
        grant: { id: 'second', agent, delegate: null, audience, scope: 'b' },
        refreshToken: null,
        issued: { jti: 'jti', kind: 'auth', expiresAt: NOW + 60 },
        now: NOW,
      }),
      storage.signingKeys.insertIfNone({
        kid: 'second',
        algorithm: 'ed25519',
        privateJwk: {},
        createdAt: NOW,
        activeFrom: NOW,
      }),
      storage.pendingDecisions.create(newQuestion('second'), { maxPendingPerAgent: 1 }),
    ]);
    await waiting(3);
    await other.end('commit');
    expect(await attempts).toMatchObject(['first', { kid: 'first' }, 'too-many-pending']);
    expect((await storage.grants.list()).map(({ id, scope }) => [id, scope])).toEqual([
      ['first', 'a b'],
    ]);
  });

  it('is not swept while it is being remembered anew', async () => {
    const storage = await open();
    const entry = { key: 'key', owner: 'x', created: NOW, expiresAt: NOW + 61 };
    await storage.replay.remember(entry, NOW);
    const remembering = await holding(`update replay_entries set expires_at = ${NOW + 122}`);
    const swept = storage.sweep(NOW + 61, { refreshAbsoluteSeconds: 1 });
    await waiting(1);
    await remembering.end('commit');
    expect(await swept).toBe(0);
    expect(await storage.replay.remember(entry, NOW + 61)).toBe('replayed');
  });

  it('is run again when it had to give way', async () => {
    const storage = await open();
    await refreshable(storage);
    // It waits longer than the others do, so that it is not the one that gives way.
    const other = await holding(
      `set local deadlock_timeout = '60s'`,
      `update refresh_tokens set scope = scope where hash = 'refresh'`,
    );
    const revoked = storage.grants.revoke({ id: 'grant', now: NOW + 1 });
    await waiting(1);
    await other.run(`update grants set scope = scope where id = 'grant'`);
    await other.end('commit');
    expect(await revoked).toBe(true);
    expect(await storage.refreshTokens.use(refresh())).toBeUndefined();
  });

  it('fails with a StorageError when it has to wait too long, and nothing of it is kept', async () => {
    const storage = await open({ lockTimeoutMilliseconds: 50 });
    await approvedCode(storage);
    const revoking = await holding(`update grants set scope = scope where id = 'grant'`);
    const error = await failure(storage.codes.redeem(redemption()));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ cause: { code: '55P03' } });
    await revoking.end('rollback');
    expect(await storage.codes.redeem(redemption())).toMatchObject({ outcome: 'redeemed' });
  });
});

describe('two processes on one PostgreSQL database', () => {
  it('make the tables together, agree on one signing key, and a code has one winner', async () => {
    const workers = await Promise.all([
      startWorker(database.url, 'a'),
      startWorker(database.url, 'b'),
    ]);
    const keys = await Promise.all(workers.map((worker) => worker.ask('key')));
    expect(keys[0]).toEqual(keys[1]);
    await workers[0]!.ask('approve');
    const outcomes = (await Promise.all(workers.map((worker) => worker.ask('redeem')))).flat();
    expect(outcomes).toHaveLength(200);
    expect(outcomes.filter((outcome) => outcome === 'redeemed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'reused')).toHaveLength(199);
    await Promise.all(workers.map((worker) => worker.kill()));
    const storage = await open();
    expect(await storage.pendingDecisions.find('pending')).toMatchObject({ outcome: 'granted' });
  }, 60_000);
});

describe('a server that goes and comes back', () => {
  it('is a StorageError meanwhile, and then works again as if nothing had been', async () => {
    const storage = await open({ poolSize: 3 });
    await approvedCode(storage);
    await Promise.all(Array.from({ length: 9 }, () => storage.users.list()));
    await server.down();
    for (const attempt of [
      () => storage.users.list(),
      () => storage.codes.redeem(redemption()),
      () => storage.users.disable('id-ana', NOW),
    ]) {
      expect(await failure(attempt())).toBeInstanceOf(StorageError);
    }
    await server.up();
    expect(await storage.codes.redeem(redemption())).toMatchObject({ outcome: 'redeemed' });
  });

  it('loses what was under way, and only that', async () => {
    const storage = await open();
    await approvedCode(storage);
    const revoking = await holding(`update grants set scope = scope where id = 'grant'`);
    const attempt = failure(storage.codes.redeem(redemption()));
    await waiting(1);
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(await attempt).toMatchObject({ name: 'StorageError', cause: { code: '57P01' } });
    await revoking.end('rollback');
    expect(await storage.issuedTokens.find('jti-1')).toBeUndefined();
    expect(await storage.codes.redeem(redemption())).toMatchObject({ outcome: 'redeemed' });
  });

  it('is a StorageError while it takes no writes, and a new connection is made for each', async () => {
    const storage = await open({ poolSize: 1 });
    const setting = (value: string) =>
      database.query(
        `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$`,
      );
    await setting('on');
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'countersign'`,
    );
    await vi.waitFor(async () => {
      const error = await failure(storage.users.create(newUser('ana')));
      expect(error).toMatchObject({ name: 'StorageError', cause: { code: '25006' } });
    });
    expect(await storage.users.list()).toEqual([]);
    const off = new pg.Client({ connectionString: database.url });
    await off.connect();
    await off.query('set default_transaction_read_only = off');
    await off.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = off', current_database()); end $$`,
    );
    await off.end();
    // One more failure at most: the connection of the look above was made before.
    await failure(storage.users.create(newUser('ana')));
    await storage.users.create(newUser('bob'));
    expect((await storage.users.list()).map(({ username }) => username)).toContain('bob');
  });

  it('is a StorageError when it has no connection left', async () => {
    await migrateDatabase(database.url);
    await database.query(
      `do $$ begin execute format('alter database %I connection limit 0', current_database()); end $$`,
    );
    const role = `limited_${Date.now()}`;
    await execute(server.url, `create role ${role} login password 'x'`);
    const url = changed((one) => {
      one.username = role;
      one.password = 'x';
    });
    expect(await failure(openStorage(url))).toMatchObject({
      name: 'StorageError',
      cause: { code: '53300' },
    });
    await execute(server.url, `drop role ${role}`);
  });

  it('is closed without waiting for it', async () => {
    const storage = await open();
    await storage.users.list();
    await server.down();
    await storage.close();
    expect(await failure(storage.users.list())).toBeInstanceOf(StorageError);
    await server.up();
  });
});
