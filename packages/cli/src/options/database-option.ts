import { type Command, Option } from 'commander';
import { environmentValue } from './environment.js';

/** `--database`, or `COUNTERSIGN_DATABASE`, or the file that `COUNTERSIGN_DATABASE_FILE` names. */
function databaseOption(): Option {
  return new Option(
    '--database <url>',
    'sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME (rather in the file that COUNTERSIGN_DATABASE_FILE names)',
  ).default('sqlite:./countersign.db');
}

/**
 * Adds `--database` and, for who has written it down once, `--config` with the auth server's configuration file, of which
 * nothing else is looked at. The command line comes first, then the variable, then the file.
 */
export function addDatabaseOptions(command: Command): Command {
  return command
    .addOption(databaseOption())
    .option('--config <file>', "take the database from the auth server's configuration file")
    .hook('preAction', async () => {
      const { config } = command.opts<{ config?: string }>();
      const file = config ?? environmentValue('COUNTERSIGN_CONFIG');
      const source = command.getOptionValueSource('database');
      if (file === undefined || source === 'cli') return;
      if (environmentValue('COUNTERSIGN_DATABASE') !== undefined) return;
      const { readConfiguredDatabase } = await import('../settings/configured-database.js');
      const url = readConfiguredDatabase(file);
      if (url !== undefined) command.setOptionValueWithSource('database', url, 'config');
    });
}
