import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { migrate } from '../../src/storage/sql/migrate.js';
import { migrations } from '../../src/storage/sql/migrations/index.js';
import type { Queries } from '../../src/storage/sql/sql-database.js';
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.js';

async function freshDatabase() {
  const database = await openSqlite(':memory:', 100);
  const versions = (): Promise<number[]> =>
    database.read(async (queries) => {
      const rows = await queries.selectFrom('schemaMigrations').select('version').execute();
      return rows.map((row) => row.version);
    });
  return { database, versions };
}

const addTable = (name: string) => ({
  name,
  up: async (queries: Queries) => {
    await sql`create table ${sql.table(name)} (id text)`.execute(queries);
  },
});

describe('migrations', () => {
  it('go from nothing to the latest version, and a second run does nothing', async () => {
    const { database, versions } = await freshDatabase();
    await migrate(database);
    const all = migrations.map((_, index) => index + 1);
    expect(await versions()).toEqual(all);
    await migrate(database);
    expect(await versions()).toEqual(all);
    await database.close();
  });

  it('add only what is missing', async () => {
    const { database, versions } = await freshDatabase();
    await migrate(database, [addTable('one')]);
    await migrate(database, [addTable('one'), addTable('two')]);
    expect(await versions()).toEqual([1, 2]);
    await database.close();
  });

  it('leave everything as it was when one of them fails', async () => {
    const { database, versions } = await freshDatabase();
    await migrate(database, [addTable('one')]);
    const broken = [addTable('one'), addTable('two'), addTable('one')];
    await expect(migrate(database, broken)).rejects.toThrow();
    expect(await versions()).toEqual([1]);
    await expect(
      database.read((queries) => sql`select * from two`.execute(queries)),
    ).rejects.toThrow();
    await database.close();
  });
});
