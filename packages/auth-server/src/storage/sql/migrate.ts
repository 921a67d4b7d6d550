import { StorageConfigurationError } from '../storage-error.js';
import { type Migration, migrations } from './migrations/index.js';
import type { SqlDatabase } from './sql-database.js';

/**
 * Brings the tables up to date: all missing migrations in one transaction, so that of two processes starting at once
 * one does it and the other finds it done. Throws a `StorageConfigurationError` for a database that a newer version
 * has migrated further: this one does not know what its tables mean.
 */
export async function migrate(
  database: SqlDatabase,
  known: readonly Migration[] = migrations,
): Promise<void> {
  await database.write(async (queries) => {
    await queries.schema
      .createTable('schemaMigrations')
      .ifNotExists()
      .addColumn('version', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .execute();
    const row = await queries
      .selectFrom('schemaMigrations')
      .select((expression) => expression.fn.max('version').as('version'))
      .executeTakeFirst();
    const current = row?.version ?? 0;
    if (current > known.length) {
      throw new StorageConfigurationError(
        `The database has schema version ${current}; this version of the server knows ${known.length}. ` +
          'Use the newer server, or restore a backup made before it.',
      );
    }
    for (const [index, { name, up }] of known.entries()) {
      const version = index + 1;
      if (version <= current) continue;
      await up(queries);
      await queries.insertInto('schemaMigrations').values({ version, name }).execute();
    }
  });
}
