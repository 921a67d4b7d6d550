import { type Clock, systemClock } from '@countersign/protocol';
import { StorageConfigurationError } from '../storage-error.js';
import { type Migration, migrations } from './migrations/index.js';
import { recordAct } from './record-act.js';
import type { Queries, SqlDatabase } from './sql-database.js';
import type { Dialect } from './sql-engine.js';

/** How far the tables of a database have come. */
export interface SchemaState {
  /** How many migrations the database has had; 0 for an empty one. */
  readonly version: number;
  /** How many this version of the server knows. */
  readonly latest: number;
  /** Names of the migrations that the database has not had, in order. */
  readonly missing: readonly string[];
}

/**
 * Looks, and changes nothing. Throws a `StorageConfigurationError` for a database that a newer version has migrated
 * further, or that has had other migrations: this version does not know what its tables mean.
 */
export async function schemaState(
  database: SqlDatabase,
  known: readonly Migration[] = migrations,
): Promise<SchemaState> {
  try {
    return await database.read((queries) => readState(queries, known));
  } catch (error) {
    if (database.isMissingTable(error)) return stateOf([], known);
    throw error;
  }
}

/**
 * Brings the tables up to date: all missing migrations in one transaction, so that of several processes starting at once
 * one does it and the others find it done. An upgrade of tables that were there goes into the audit trail. Changes nothing,
 * and needs no right to, when nothing is missing. Returns the names of the migrations it made. Throws as `schemaState` does.
 */
export async function migrate(
  database: SqlDatabase,
  known: readonly Migration[] = migrations,
  clock: Clock = systemClock,
): Promise<readonly string[]> {
  const { missing } = await schemaState(database, known);
  if (missing.length === 0) return [];
  return database.write(
    async (queries) => {
      const { from, made } = await applyMissing(queries, database.dialect, known);
      // Those that other lists have made may have no trail.
      if (from > 0 && made.length > 0 && known === migrations) {
        const schema = from + made.length;
        await recordAct(queries, { time: clock(), act: 'database-upgraded', schema });
      }
      return made;
    },
    { alone: ['schema'] },
  );
}

/** Throws a `StorageConfigurationError` unless the tables are up to date. */
export async function requireLatest(
  database: SqlDatabase,
  known: readonly Migration[] = migrations,
): Promise<void> {
  const { version, latest, missing } = await schemaState(database, known);
  if (missing.length === 0) return;
  throw new StorageConfigurationError(
    `The database has schema version ${version}; this version of the server needs ${latest}. ` +
      'Run `countersign migrate` first.',
  );
}

async function applyMissing(
  queries: Queries,
  dialect: Dialect,
  known: readonly Migration[],
): Promise<{ readonly from: number; readonly made: readonly string[] }> {
  await queries.schema
    .createTable('schemaMigrations')
    .ifNotExists()
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .execute();
  // Another process may have been at it in the meantime.
  const { version: from, missing: made } = await readState(queries, known);
  for (const [index, { name, up }] of known.entries()) {
    const version = index + 1;
    if (version <= from) continue;
    await up(queries, dialect);
    await queries.insertInto('schemaMigrations').values({ version, name }).execute();
  }
  return { from, made };
}

async function readState(queries: Queries, known: readonly Migration[]): Promise<SchemaState> {
  const rows = await queries
    .selectFrom('schemaMigrations')
    .selectAll()
    .orderBy('version')
    .execute();
  return stateOf(rows, known);
}

function stateOf(
  rows: readonly { readonly version: number; readonly name: string }[],
  known: readonly Migration[],
): SchemaState {
  const version = rows.at(-1)?.version ?? 0;
  if (version > known.length) {
    throw new StorageConfigurationError(
      `The database has schema version ${version}; this version of the server knows ${known.length}. ` +
        'Use the newer server, or restore a backup made before it.',
    );
  }
  const stranger = rows.find((row) => row.name !== known[row.version - 1]?.name);
  if (stranger !== undefined) {
    throw new StorageConfigurationError(
      `The database has the migration "${stranger.name}" as number ${stranger.version}, where this version of the ` +
        `server has "${known[stranger.version - 1]?.name}". Use the server that made it, or another database.`,
    );
  }
  return {
    version,
    latest: known.length,
    missing: known.slice(version).map(({ name }) => name),
  };
}
