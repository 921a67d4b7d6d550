import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../src/storage/index.js';
import type { Queries, SqlDatabase } from '../../src/storage/sql/sql-database.js';
import { GroupCommit } from '../../src/storage/sqlite/group-commit.js';
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.js';
import { SameFile } from '../../src/storage/sqlite/same-file.js';
import { SqliteConnection } from '../../src/storage/sqlite/sqlite-connection.js';

const SIXTEEN = Array.from({ length: 16 }, (_, index) => index);

describe('writers that share a commit on SQLite', () => {
  let directory: string;
  let file: string;
  let database: SqlDatabase;
  let onlooker: Libsql.Database;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-storage-'));
    file = join(directory, 'test.db');
    database = await openSqlite(file, 5_000);
    onlooker = new Libsql(file);
    onlooker.exec('create table notes (id integer primary key)');
    // Whether a row's other half exists is looked at when it is committed: a commit that fails.
    onlooker.exec(
      'create table halves (id integer references notes (id) deferrable initially deferred)',
    );
  });

  afterEach(async () => {
    onlooker.close();
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const insert = (id: number) => sql`insert into notes values (${id})`;
  const write = <T>(work: (transaction: Queries) => Promise<T>): Promise<T> => database.write(work);
  const note = (id: number): Promise<void> =>
    write(async (transaction) => {
      await insert(id).execute(transaction);
    });
  const onDisk = (): number[] =>
    (onlooker.prepare('select id from notes order by id').all() as { id: number }[]).map(
      ({ id }) => id,
    );
  const readIds = async (from: Queries): Promise<number[]> =>
    (await sql<{ id: number }>`select id from notes order by id`.execute(from)).rows.map(
      ({ id }) => id,
    );

  it('hear an answer only when everybody else can see what they wrote, several at once', async () => {
    const seen = await Promise.all(SIXTEEN.map((id) => note(id).then(onDisk)));
    for (const id of SIXTEEN) expect(seen[id]).toContain(id);
    // As many as fit into the time that one transaction may take: on a busy machine not all of them.
    expect(new Set(seen.map((ids) => ids.length)).size).toBeLessThan(SIXTEEN.length);
  });

  it('see what those before them wrote, which nobody else reads before the commit', async () => {
    const first = note(1);
    const second = write(async (transaction) => ({
      inside: await readIds(transaction),
      outside: await database.read(readIds),
      disk: onDisk(),
    }));
    expect(await second).toEqual({ inside: [1], outside: [], disk: [] });
    await first;
    expect(await database.read(readIds)).toEqual([1]);
  });

  it('keep their parts when another one gives up its own', async () => {
    const mistaken = write(async (transaction) => {
      await insert(2).execute(transaction);
      throw new Error('changed my mind');
    });
    const results = await Promise.allSettled([note(1), mistaken, note(3)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(mistaken).rejects.toThrow('changed my mind');
    expect(onDisk()).toEqual([1, 3]);
  });

  it('leave nothing behind when the first of them gives up, and those who come after are kept', async () => {
    const mistaken = write(async (transaction) => {
      await insert(1).execute(transaction);
      throw new Error('changed my mind');
    });
    const results = await Promise.allSettled([mistaken, note(2)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(onDisk()).toEqual([2]);
  });

  it('write nothing once they have ended', async () => {
    const leaked = await write(async (transaction) => transaction);
    await expect(insert(1).execute(leaked)).rejects.toThrow('The transaction has ended.');
    expect(onDisk()).toEqual([]);
  });

  it('are told of a single statement once it is decided, and once more when it is kept', async () => {
    const first = await database.writeSoon(async (transaction) => insert(1).execute(transaction));
    expect(onDisk()).toEqual([]);
    const failing = database.writeSoon(async (transaction) => insert(1).execute(transaction));
    await expect(failing).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' });
    await first.kept;
    expect(onDisk()).toEqual([1]);
  });

  it('hear of a broken constraint as such, once the row that it collided with is kept', async () => {
    const first = note(1);
    const seen = note(1).catch((error: unknown) => ({ error, disk: onDisk() }));
    await first;
    expect(await seen).toMatchObject({
      error: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' },
      disk: [1],
    });
  });

  it('are all refused when the commit fails, even who decided by rows of the others', async () => {
    const orphan = write(async (transaction) => {
      await sql`insert into halves values (99)`.execute(transaction);
    });
    const decided = write(async (transaction) => {
      throw new Error(`there is ${String(await readIds(transaction))}`);
    });
    const results = await Promise.allSettled([note(1), orphan, decided, note(2)]);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StorageError) });
    }
    expect(onDisk()).toEqual([]);
    await note(1);
    expect(onDisk()).toEqual([1]);
  });

  it('are all refused when SQLite undoes the whole, and those who come after are not', async () => {
    await note(0);
    let further: unknown;
    const before = note(1);
    const destroyer = write(async (transaction) => {
      await insert(2).execute(transaction);
      // What SQLite does by itself when the disk is full or fails.
      await sql`insert or rollback into notes values (0)`
        .execute(transaction)
        .catch(() => undefined);
      further = await insert(3)
        .execute(transaction)
        .catch((error: unknown) => error);
    });
    const results = await Promise.allSettled([before, destroyer, note(4)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(results[0]).toMatchObject({ reason: expect.any(StorageError) });
    expect(results[1]).toMatchObject({ reason: expect.any(StorageError) });
    expect(further).toBeInstanceOf(StorageError);
    expect(onDisk()).toEqual([0, 4]);
  });

  it('are more than one transaction when they are many', async () => {
    const committed = write(async () => onDisk().length);
    const others = Array.from({ length: 1_000 }, (_, id) => note(id));
    const committedAtLast = write(async () => onDisk().length);
    expect(await committed).toBe(0);
    expect(await committedAtLast).toBeGreaterThan(500);
    await Promise.all(others);
    expect(onDisk()).toHaveLength(1_000);
  });

  it('let another process have its turn', async () => {
    const other = await openSqlite(file, 5_000);
    let next = 1_000;
    let stopped = false;
    const busy = SIXTEEN.map(async () => {
      while (!stopped) await note(next++);
    });
    for (const id of SIXTEEN) {
      await other.write((transaction) => insert(id).execute(transaction));
    }
    stopped = true;
    await Promise.all(busy);
    expect(onDisk()).toHaveLength(16 + next - 1_000);
    await other.close();
  });

  it('are waited for by whoever reads in memory, where there is one connection', async () => {
    const memory = await openSqlite(':memory:', 100);
    await memory.write((queries) =>
      sql`create table notes (id integer primary key)`.execute(queries),
    );
    const writing = memory.write((transaction) => insert(1).execute(transaction));
    const reading = memory.read(readIds);
    let committed = false;
    void writing.then(() => {
      committed = true;
    });
    expect(await reading).toEqual([1]);
    expect(committed).toBe(true);
    await memory.close();
  });
});

/** A disk that says when it is done. */
class SlowDisk {
  readonly #waiting: { resolve: () => void; reject: (reason: Error) => void }[] = [];
  asked = 0;

  readonly sync = (): Promise<void> => {
    this.asked += 1;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  };

  done(): void {
    this.#waiting.shift()?.resolve();
  }

  refuse(): void {
    this.#waiting.shift()?.reject(new Error('EIO'));
  }
}

describe('writers whose commits are brought to the disk by another thread', () => {
  let directory: string;
  let connection: SqliteConnection;
  let onlooker: Libsql.Database;
  let disk: SlowDisk;
  let group: GroupCommit;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-storage-'));
    const file = join(directory, 'test.db');
    const database = new Libsql(file);
    database.exec('pragma journal_mode = wal');
    database.exec('create table notes (id integer primary key)');
    connection = new SqliteConnection(database, 1_000);
    onlooker = new Libsql(file);
    disk = new SlowDisk();
    group = new GroupCommit(connection, { file: new SameFile(file), sync: disk.sync });
  });

  afterEach(() => {
    onlooker.close();
    connection.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const told: number[] = [];
  beforeEach(() => {
    told.length = 0;
  });
  const note = async (id: number): Promise<void> => {
    await group.write(async () => {
      connection.run(`insert into notes values (${id})`);
    });
    told.push(id);
  };
  const committed = (): number =>
    (onlooker.prepare('select count(*) as n from notes').get() as { n: number }).n;
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('hear of it only when the disk has it', async () => {
    const first = note(1);
    await turns();
    expect([committed(), disk.asked, told]).toEqual([1, 1, []]);
    disk.done();
    await first;
    expect(told).toEqual([1]);
  });

  it('go together when they come while the disk is busy', async () => {
    const first = note(100);
    await turns();
    const others = SIXTEEN.map((id) => note(id));
    await turns();
    expect([committed(), disk.asked]).toEqual([1, 1]);
    disk.done();
    await first;
    await turns();
    expect([committed(), disk.asked, told]).toEqual([17, 2, [100]]);
    disk.done();
    await Promise.all(others);
    expect(disk.asked).toBe(2);
  });

  it('do not hold up those who come before a single statement has been kept', async () => {
    const soon = await group.writeSoon(async () => connection.run('insert into notes values (1)'));
    const later = note(2);
    let kept = false;
    void soon.kept.then(() => (kept = true));
    await turns();
    expect([committed(), kept]).toEqual([2, false]);
    disk.done();
    await later;
    expect(kept).toBe(true);
  });

  it('hear of what they gave up only when the disk has what they may have decided by', async () => {
    const first = note(1);
    await turns();
    const second = group.write(async () => {
      throw new Error(`there is ${committed()}`);
    });
    let heard = false;
    second.catch(() => (heard = true));
    await turns();
    expect(heard).toBe(false);
    disk.done();
    await first;
    await turns();
    disk.done();
    await expect(second).rejects.toThrow('there is 1');
  });

  it('hear of a failure when they gave up by what the disk then refuses', async () => {
    const first = note(1);
    await turns();
    const second = group.write(async () => {
      throw new Error(`there is ${committed()}`);
    });
    const outcomes = Promise.allSettled([first, second]);
    await turns();
    disk.refuse();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StorageError) });
    }
  });

  it('are refused when the disk refuses, and so is everybody after them', async () => {
    const first = note(1);
    await turns();
    const second = note(2);
    await turns();
    disk.refuse();
    await expect(first).rejects.toThrow(StorageError);
    await expect(second).rejects.toThrow(StorageError);
    await expect(note(3)).rejects.toThrow('start anew');
    expect([disk.asked, told]).toEqual([1, []]);
  });
});
