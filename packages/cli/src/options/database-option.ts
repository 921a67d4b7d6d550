import { Option } from 'commander';

/** `--database`, or `COUNTERSIGN_DATABASE`, or the file that `COUNTERSIGN_DATABASE_FILE` names. */
export function databaseOption(): Option {
  return new Option(
    '--database <url>',
    'sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME (rather in the file that COUNTERSIGN_DATABASE_FILE names)',
  ).default('sqlite:./countersign.db');
}
