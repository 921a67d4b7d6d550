import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type PostgresServer,
  startPostgres,
} from '../../../resource/test/replay/postgres-server.js';
import { openStorage, type Storage } from '../../src/storage/index.js';
import { openDatabase } from '../../src/storage/open-database.js';
import { PreparedQuery } from '../../src/storage/sql/prepared-query.js';
import type { Queries, SqlDatabase } from '../../src/storage/sql/sql-database.js';
import {
  AGENT,
  approvedCode,
  MANY,
  newQuestion,
  newUser,
  NOW,
  redemption,
  refresh,
  refreshable,
  RESOURCE,
} from './contract/fixtures.js';
import { createDatabase, type TestDatabase } from './postgres-database.js';

let server: PostgresServer;
let database: TestDatabase;
let storage: Storage;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  database = await createDatabase(server);
  storage = await openStorage(database.url, { poolSize: 1 });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await storage.close();
  await database.drop();
});

const insert = new PreparedQuery((queries, setting: { key: string; value: string }) =>
  queries.insertInto('settings').values({ key: setting.key, value: setting.value }),
);
const find = new PreparedQuery((queries, { key }: { key: string }) =>
  queries.selectFrom('settings').select('value').where('key', '=', key),
);

const readKept = async (queries: Queries): Promise<string[]> => {
  const kept = sql<{ statement: string }>`select statement from pg_prepared_statements`;
  return (await kept.execute(queries)).rows.map(({ statement }) => statement);
};
const clear = (queries: Queries) => sql`deallocate all`.execute(queries);

/** On one connection, so that what one leaves behind is there for the next. */
async function withDatabase(work: (opened: SqlDatabase) => Promise<void>): Promise<void> {
  const { database: opened } = await openDatabase(database.url, { poolSize: 1 });
  try {
    await work(opened);
  } finally {
    await opened.close();
  }
}

/** How often the server is waited for. */
async function waits(work: () => Promise<unknown>): Promise<number> {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  await work();
  const count = query.mock.calls.length;
  query.mockRestore();
  return count;
}

const issue = (number: number, now = NOW, by = storage) =>
  by.grants.issueDirectly({
    grant: { id: `grant-${number}`, agent: AGENT, delegate: null, audience: RESOURCE, scope: 'a' },
    refreshToken: null,
    issued: { jti: `direct-${number}`, kind: 'auth', expiresAt: NOW + 60 },
    now,
  });

describe('what an operation waits for on PostgreSQL', () => {
  it('is the server, two times for a question and for a direct grant like another, three times for a code and a refresh', async () => {
    await approvedCode(storage);
    expect(await waits(() => storage.codes.redeem(redemption()))).toBe(3);
    expect(await waits(() => storage.refreshTokens.use(refresh()))).toBe(3);
    expect(await waits(() => storage.pendingDecisions.create(newQuestion('more'), MANY))).toBe(2);
    await issue(1);
    expect(await waits(() => issue(2))).toBe(2);
  });

  it('is nobody else who does the same in the same second: a refresh, a direct grant', async () => {
    await refreshable(storage);
    await storage.refreshTokens.use(refresh());
    await issue(1);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('begin');
    await other.query('select 1 from grants for share');
    await other.query('select 1 from refresh_tokens for share');
    const issued = { jti: 'again', kind: 'auth', expiresAt: NOW + 60 } as const;
    expect(await storage.refreshTokens.use(refresh({ issued }))).toBeDefined();
    expect(await issue(2)).toBe('grant-1');
    await other.query('rollback');
    await other.end();
    expect(await storage.issuedTokens.find('again')).toBeDefined();
    expect(await storage.issuedTokens.find('direct-2')).toBeDefined();
  });
});

describe('direct grants to one agent', () => {
  it('do not wait for one another in a circle when the grant they are about is renewed meanwhile', async () => {
    const several = await openStorage(database.url, { poolSize: 4 });
    await issue(1);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('begin');
    await other.query(`update grants set updated_at = ${NOW + 1}, scope = 'a b'`);
    const issued = Promise.all([2, 3, 4].map((number) => issue(number, NOW, several)));
    await vi.waitFor(
      async () => {
        const blocked = `select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`;
        expect(await database.query(blocked)).toHaveLength(3);
      },
      { timeout: 10_000, interval: 10 },
    );
    await other.query('commit');
    await other.end();
    expect(await issued).toEqual(['grant-1', 'grant-1', 'grant-1']);
    expect(await several.grants.findById('grant-1')).toMatchObject({
      scope: 'a b',
      updatedAt: NOW + 1,
    });
    await several.close();
    const deadlocks = `select deadlocks from pg_stat_database where datname = current_database()`;
    expect(await database.query(deadlocks)).toEqual([{ deadlocks: '0' }]);
  });
});

describe('a statement that is not waited for', () => {
  it('comes before the next one, which sees what it did', async () => {
    await withDatabase((opened) =>
      opened.write(async (queries) => {
        await insert.later(queries, { key: 'one', value: '1' });
        expect(await find.first(queries, { key: 'one' })).toEqual({ value: '1' });
      }),
    );
  });

  it('is kept with the commit, or undone with the rest', async () => {
    await withDatabase(async (opened) => {
      await opened.write((queries) => insert.later(queries, { key: 'kept', value: '1' }));
      const failing = opened.write(async (queries) => {
        await insert.later(queries, { key: 'undone', value: '1' });
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await opened.read((queries) => find.first(queries, { key: 'kept' }))).toBeDefined();
      expect(await opened.read((queries) => find.first(queries, { key: 'undone' }))).toBe(
        undefined,
      );
    });
  });

  it('fails the transaction when it fails, nothing of which is kept, and the connection goes on', async () => {
    await withDatabase(async (opened) => {
      const failing = opened.write(async (queries) => {
        await insert.later(queries, { key: 'first', value: '1' });
        await insert.later(queries, { key: 'twice', value: '1' });
        await insert.later(queries, { key: 'twice', value: '2' });
      });
      await expect(failing).rejects.toMatchObject({ code: '23505' });
      for (const key of ['first', 'twice']) {
        expect(await opened.read((queries) => find.first(queries, { key }))).toBeUndefined();
        await opened.write((queries) => insert.later(queries, { key, value: '3' }));
        expect(await opened.read((queries) => find.first(queries, { key }))).toEqual({
          value: '3',
        });
      }
    });
  });

  it('fails those that are asked for with it too', async () => {
    await withDatabase(async (opened) => {
      await opened.write((queries) => insert.later(queries, { key: 'there', value: '1' }));
      const failing = opened.write(async (queries) => {
        await insert.later(queries, { key: 'there', value: '2' });
        return await find.first(queries, { key: 'there' });
      });
      await expect(failing).rejects.toMatchObject({ code: '23505' });
    });
  });
});

describe('single statements of several requests', () => {
  const keep = async (opened: SqlDatabase, key: string) =>
    (await opened.writeSoon((queries) => insert.run(queries, { key, value: '1' }))).value;

  it('are carried out together when they come in the same moment', async () => {
    await withDatabase(async (opened) => {
      await keep(opened, 'first');
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      let kept: number[] = [];
      const count = await waits(async () => {
        kept = await Promise.all(keys.map((key) => keep(opened, key)));
      });
      expect(count).toBe(1);
      expect(kept).toEqual(keys.map(() => 1));
      for (const key of keys) {
        expect(await opened.read((queries) => find.first(queries, { key }))).toBeDefined();
      }
    });
  });

  it('do not suffer for one of them that fails', async () => {
    await withDatabase(async (opened) => {
      await keep(opened, 'there');
      const ends = await Promise.allSettled(['a', 'there', 'z'].map((key) => keep(opened, key)));
      expect(ends).toMatchObject([
        { status: 'fulfilled', value: 1 },
        { status: 'rejected', reason: { code: '23505' } },
        { status: 'fulfilled', value: 1 },
      ]);
    });
  });

  it('all fail when it is not known what became of them', async () => {
    await withDatabase(async (opened) => {
      await keep(opened, 'held');
      await database.query(`create function last_words() returns trigger language plpgsql as $$
        begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
      await database.query(`create trigger last_words before insert on settings
        for each row when (new.key = 'b') execute function last_words()`);
      const ends = await Promise.allSettled(['a', 'b', 'c'].map((key) => keep(opened, key)));
      expect(ends).toMatchObject(
        ends.map(() => ({ status: 'rejected', reason: { name: 'StorageError' } })),
      );
      expect(await keep(opened, 'd')).toBe(1);
    });
  });
});

describe('statements that the server keeps', () => {
  it('are parsed once for each connection', async () => {
    await withDatabase(async (opened) => {
      for (const key of ['one', 'two', 'three']) {
        await opened.read((queries) => find.first(queries, { key }));
      }
      const statements = await opened.read(readKept);
      expect(statements.filter((statement) => statement.includes('"settings"'))).toHaveLength(1);
    });
  });

  it('are parsed anew once a table has another shape, inside of a transaction and outside', async () => {
    await storage.users.create(newUser('ana'));
    expect(await storage.users.findById('id-ana')).toMatchObject({ id: 'id-ana' });
    await database.query('alter table users add column added_later text');
    expect(await storage.users.findById('id-ana')).toMatchObject({ addedLater: null });
    await refreshable(storage);
    await storage.refreshTokens.use(refresh());
    await database.query('alter table refresh_tokens add column added_later text');
    const issued = { jti: 'again', kind: 'auth', expiresAt: NOW + 60 } as const;
    expect(await storage.refreshTokens.use(refresh({ issued }))).toMatchObject({
      addedLater: null,
    });
  });

  it('are parsed anew when the session has been cleared', async () => {
    await withDatabase(async (opened) => {
      await opened.write((queries) => insert.later(queries, { key: 'one', value: '1' }));
      await opened.read((queries) => find.first(queries, { key: 'one' }));
      await opened.read(clear);
      expect(await opened.read((queries) => find.first(queries, { key: 'one' }))).toBeDefined();
      await opened.read(clear);
      await opened.write((queries) => insert.later(queries, { key: 'two', value: '2' }));
      expect(await opened.read((queries) => find.first(queries, { key: 'two' }))).toBeDefined();
    });
  });
});
