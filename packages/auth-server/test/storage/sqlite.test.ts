import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openStorage,
  type Storage,
  StorageConfigurationError,
  StorageError,
} from '../../src/storage/index.js';
import { createSqlStorage } from '../../src/storage/sql/sql-storage.js';
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.js';
import { hundred, newSession, newUser, NOW } from './contract/fixtures.js';
import { copyEmptyDatabase } from './empty-database.js';
import { storageContract } from './storage-contract.js';

const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'countersign-storage-'));

storageContract('SQLite', async () => {
  const directory = newDirectory();
  const file = join(directory, 'test.db');
  await copyEmptyDatabase(file);
  const run = async (statements: string): Promise<void> => {
    const other = new Libsql(file);
    try {
      other.exec(statements);
    } finally {
      other.close();
    }
  };
  return {
    connect: () => openStorage(`sqlite:${file}`),
    run,
    tamper: (statements) =>
      run(
        `drop trigger audit_entries_no_update; drop trigger audit_entries_no_delete; ${statements}`,
      ),
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe('opening SQLite', () => {
  let directory: string;
  let file: string;
  let opened: Storage[];

  beforeEach(() => {
    directory = newDirectory();
    file = join(directory, 'test.db');
    opened = [];
  });

  afterEach(async () => {
    await Promise.all(opened.map((storage) => storage.close()));
    rmSync(directory, { recursive: true, force: true });
  });

  async function open(url = `sqlite:${file}`, lockTimeoutMilliseconds = 5_000): Promise<Storage> {
    const storage = await openStorage(url, { lockTimeoutMilliseconds });
    opened.push(storage);
    return storage;
  }

  it('makes a file, and journals beside it, that only the owner can read', async () => {
    await (await open()).users.create(newUser('ana'));
    for (const name of [file, `${file}-wal`, `${file}-shm`]) {
      expect(statSync(name).mode & 0o777).toBe(0o600);
    }
  });

  it('answers nothing any more when its file has been replaced, until it is opened anew', async () => {
    const storage = await open();
    await storage.users.create(newUser('ana'));
    const backup = join(directory, 'backup.db');
    const other = new Libsql(file);
    other.exec(`vacuum into '${backup}'`);
    other.close();
    await storage.users.create(newUser('ben'));
    renameSync(backup, file);
    const replaced = { message: expect.stringContaining('replaced while it was in use') };
    await expect(storage.users.create(newUser('cyd'))).rejects.toMatchObject(replaced);
    await expect(storage.users.create(newUser('cyd'))).rejects.toBeInstanceOf(StorageError);
    await storage.close();
    for (const journal of [`${file}-wal`, `${file}-shm`]) rmSync(journal, { force: true });
    const anew = await open();
    expect((await anew.users.list()).map(({ username }) => username)).toEqual(['ana']);
    expect(await anew.users.create(newUser('cyd'))).toBe(true);
  });

  it('notices within a second of reading that its file is gone', async () => {
    const storage = await open();
    await storage.users.create(newUser('ana'));
    rmSync(file);
    await expect
      .poll(() => storage.users.list().catch((error: unknown) => error), { timeout: 5_000 })
      .toBeInstanceOf(StorageError);
  });

  it('keeps its place in a file that another process opens and closes', async () => {
    await (await open()).close();
    const storage = await open();
    await storage.users.create(newUser('ana'));
    /** The last one to close a file clears away the journal: it must not take itself for the last one. */
    const another = (statement: string): string =>
      execFileSync(process.execPath, [
        '--eval',
        `const file = new (require('libsql'))(process.argv[1]);
         console.log(JSON.stringify(file.prepare(process.argv[2]).all([])));
         file.exec('pragma wal_checkpoint(truncate)');
         file.close();`,
        file,
        statement,
      ]).toString();
    const names = 'select username from users order by username';
    expect(another(names)).toContain('ana');
    await storage.users.create(newUser('ben'));
    expect(another(names)).toContain('ben');
    const withdrawn = another(
      "update users set disabled_at = 1 where username = 'ana' returning id",
    );
    expect(withdrawn).toContain('id-ana');
    expect(await storage.users.findById('id-ana')).toMatchObject({ disabledAt: 1 });
  });

  it('leaves a complete file when it is closed, without its journal', async () => {
    const storage = await open();
    await storage.users.create(newUser('ana'));
    await storage.close();
    const copy = join(directory, 'copy.db');
    copyFileSync(file, copy);
    expect(await (await open(`sqlite:${copy}`)).users.findById('id-ana')).toBeDefined();
  });

  it('leaves the mode of an existing file alone', async () => {
    writeFileSync(file, '');
    chmodSync(file, 0o640);
    await open();
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it('works in memory, each opening by itself', async () => {
    const one = await open('sqlite::memory:');
    const two = await open('sqlite::memory:');
    expect(await one.users.create(newUser('ana'))).toBe(true);
    expect(await two.users.list()).toEqual([]);
  });

  it('writes ahead, syncs before it restarts the journal, and enforces references', async () => {
    const database = await openSqlite(file, 1000);
    // A transaction: that is the connection that writes.
    const pragma = (name: string) =>
      database.write(async (transaction) => {
        const { rows } = await sql`pragma ${sql.raw(name)}`.execute(transaction);
        return Object.values(rows[0] ?? {})[0];
      });
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(1);
    expect(await pragma('foreign_keys')).toBe(1);
    await database.close();
  });

  it('has what it answers on the disk: a journal that cannot be synced refuses everything from then on', async () => {
    const storage = await open();
    await storage.close();
    const database = await openSqlite(file, 1000);
    const look = () => database.write((queries) => sql`select 1`.execute(queries));
    rmSync(`${file}-wal`);
    const read = () => database.read((queries) => sql`select 1`.execute(queries));
    await read();
    for (const attempt of [look, look, read]) await expect(attempt()).rejects.toThrow(StorageError);
    await database.close();
    const again = await open();
    expect(await again.users.create(newUser('ana'))).toBe(true);
  });

  it.each([
    ['a missing directory', () => `sqlite:${join(directory, 'missing', 'test.db')}`, 'directory'],
    ['a directory in place of the file', () => `sqlite:${directory}`, 'cannot be opened'],

    ['another kind of database', () => 'mysql://user:hunter2@db.example/x', 'sqlite:FILE'],
    ['no file', () => 'sqlite:', 'sqlite:FILE'],
  ])('is refused for %s, with a reason for the operator', async (_case, url, reason) => {
    const attempt = openStorage(url());
    await expect(attempt).rejects.toThrow(StorageConfigurationError);
    await expect(attempt).rejects.toThrow(reason);
    await expect(attempt).rejects.not.toThrow('hunter2');
  });

  it('is refused for a file that is no database', async () => {
    writeFileSync(file, 'Dear diary, '.repeat(500));
    await expect(open()).rejects.toThrow('The file is not a database');
  });

  it('is refused for a database of a newer version, which stays as it is', async () => {
    await (await open()).close();
    const newer = new Libsql(file);
    newer.exec(`insert into schema_migrations values (1000, 'from the future')`);
    newer.close();
    await expect(open()).rejects.toThrow(StorageConfigurationError);
    await expect(open()).rejects.toThrow('schema version 1000');
  });

  it('works for several that open a new file at once', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => open()));
    expect(await stores[0]?.users.create(newUser('ana'))).toBe(true);
    for (const store of stores) expect(await store.users.list()).toHaveLength(1);
  });

  it('answers with a StorageError while the file stays locked, and recovers by itself', async () => {
    const storage = await open(undefined, 20);
    const intruder = new Libsql(file);
    intruder.exec('begin immediate');
    const failed = await storage.users.create(newUser('ana')).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(StorageError);
    expect(failed).toMatchObject({ cause: { code: 'SQLITE_BUSY' } });
    expect(await storage.users.list()).toEqual([]);
    intruder.exec('commit');
    intruder.close();
    expect(await storage.users.create(newUser('ana'))).toBe(true);
  });

  it('answers with a StorageError while the disk is full, keeps what it had, and recovers', async () => {
    const database = await openSqlite(file, 1000);
    const storage = await createSqlStorage(database);
    opened.push(storage);
    const limitPages = (pages: number) =>
      database.write((transaction) =>
        sql`pragma max_page_count = ${sql.raw(String(pages))}`.execute(transaction),
      );
    await limitPages(1);
    const long = 'x'.repeat(100_000);
    await storage.users.create(newUser('ana'));
    const failed = await hundred((index) =>
      storage.sessions
        .create(newSession(`${long}${index}`))
        .then(() => undefined)
        .catch((error: unknown) => error),
    );
    expect(failed.filter((error) => error instanceof StorageError)).toHaveLength(100);
    expect(await storage.users.findById('id-ana')).toBeDefined();
    await limitPages(1_000_000);
    expect(await storage.sessions.create(newSession(long))).toBe(true);
    expect(await storage.sessions.find(long, NOW)).toBeDefined();
  });
});
