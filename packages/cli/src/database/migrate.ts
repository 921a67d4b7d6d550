import { type DatabaseSchema, inspectDatabase, migrateDatabase } from '@countersign/auth-server';
import { CommandError } from '../command-error.js';
import type { MigrateOptions } from '../commands/migrate.js';
import { existing, naming } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign migrate`. */
export async function migrateTables({ database, check, json }: MigrateOptions): Promise<void> {
  if (check) existing(database);
  const made = check ? [] : await naming(database, migrateDatabase(database));
  const schema = await naming(database, inspectDatabase(database));
  const upToDate = schema.missing.length === 0;
  out(json ? `${JSON.stringify({ ...schema, made, upToDate })}\n` : sentences(schema, made));
  if (!upToDate) throw new CommandError('The tables are not up to date.');
}

function sentences({ version, latest, missing }: DatabaseSchema, made: readonly string[]): string {
  const steps = [
    ...made.map((name) => `made: ${name}\n`),
    ...missing.map((name) => `missing: ${name}\n`),
  ];
  return `${steps.join('')}The database has schema version ${version} of ${latest}.\n`;
}
