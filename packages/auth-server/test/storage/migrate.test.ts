import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { actingAs } from '../../src/audit/index.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { migrations } from '../../src/storage/sql/migrations/index.js';
import type { Queries } from '../../src/storage/sql/sql-database.js';
import { storageOn } from '../../src/storage/sql/sql-storage.js';
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

  it('record an upgrade in the audit trail with the version it came to, and no first start', async () => {
    const { database } = await freshDatabase();
    const storage = storageOn(database);
    const recorded = async (): Promise<unknown[]> => {
      await storage.audit.seal();
      return (await storage.audit.read({ from: 1, limit: 10 })).map(
        ({ text }) => JSON.parse(text) as unknown,
      );
    };
    await migrate(database, migrations.slice(0, -1));
    await actingAs('ada', () => migrate(database, migrations, () => 1_700_000_000));
    const upgrade = {
      time: 1_700_000_000,
      act: 'database-upgraded',
      by: 'operator',
      operator: 'ada',
    };
    expect(await recorded()).toEqual([{ ...upgrade, schema: migrations.length }]);
    await migrate(database);
    expect(await recorded()).toHaveLength(1);
    await database.close();

    const { database: fresh } = await freshDatabase();
    await migrate(fresh);
    await storageOn(fresh).audit.seal();
    expect(await storageOn(fresh).audit.read({ from: 1, limit: 10 })).toEqual([]);
    await fresh.close();
  });
});
