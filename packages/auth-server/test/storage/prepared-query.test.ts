import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/storage/open-database.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { PreparedQuery } from '../../src/storage/sql/prepared-query.js';
import type { SqlDatabase } from '../../src/storage/sql/sql-database.js';

async function withDatabase(work: (database: SqlDatabase) => Promise<void>): Promise<void> {
  const { database } = await openDatabase('sqlite::memory:', {});
  try {
    await migrate(database);
    await work(database);
  } finally {
    await database.close();
  }
}

const insert = new PreparedQuery((queries, setting: { key: string; value: string }) =>
  queries.insertInto('settings').values({ key: setting.key, value: setting.value }),
);
const find = new PreparedQuery((queries, { key }: { key: string }) =>
  queries.selectFrom('settings').selectAll().where('key', '=', key),
);

describe('A prepared query', () => {
  it('is built once, and has other values at each run', async () => {
    await withDatabase(async (database) => {
      let built = 0;
      const counted = new PreparedQuery((queries, { key }: { key: string }) => {
        built += 1;
        return queries.selectFrom('settings').select('value').where('key', '=', key);
      });
      await database.write(async (queries) => {
        await insert.run(queries, { key: 'one', value: '1' });
        await insert.run(queries, { key: 'two', value: '2' });
        expect(await counted.first(queries, { key: 'one' })).toEqual({ value: '1' });
        expect(await counted.first(queries, { key: 'two' })).toEqual({ value: '2' });
        expect(await counted.first(queries, { key: 'three' })).toBeUndefined();
      });
      expect(await database.read((queries) => counted.all(queries, { key: 'two' }))).toEqual([
        { value: '2' },
      ]);
      expect(built).toBe(1);
    });
  });

  it('takes part in its transaction, and is undone with it', async () => {
    await withDatabase(async (database) => {
      const failing = database.write(async (queries) => {
        expect(await insert.run(queries, { key: 'undone', value: '1' })).toBe(1);
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(
        await database.read((queries) => find.first(queries, { key: 'undone' })),
      ).toBeUndefined();
    });
  });

  it('has the columns that are there by then', async () => {
    await withDatabase(async (database) => {
      await database.write(async (queries) => {
        await insert.run(queries, { key: 'one', value: '1' });
        expect(await find.first(queries, { key: 'one' })).toEqual({ key: 'one', value: '1' });
      });
      await database.write(async (queries) => {
        await queries.schema.alterTable('settings').addColumn('addedLater', 'text').execute();
        expect(await find.first(queries, { key: 'one' })).toEqual({
          key: 'one',
          value: '1',
          addedLater: null,
        });
      });
    });
  });
});
