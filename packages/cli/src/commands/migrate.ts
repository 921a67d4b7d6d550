import type { Command } from 'commander';
import { addDatabaseOptions } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';

export interface MigrateOptions {
  readonly database: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `countersign migrate`: the tables of the auth server's database, brought up to date. */
export function addMigrate(program: Command): void {
  const command = addDatabaseOptions(
    program
      .command('migrate')
      .description(`bring the tables of the auth server's database up to date`),
  )
    .option('--check', 'change nothing: exit 0 when the tables are up to date, 1 when they are not')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nA server does this by itself when it starts, unless --no-migrate is given. Any number may start at once.',
    )
    .action(async (options: MigrateOptions) => {
      const { migrateTables } = await import('../database/migrate.js');
      await migrateTables(options);
    });
  withEnvironment(command);
}
