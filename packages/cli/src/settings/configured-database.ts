import { UsageError } from '../command-error.js';
import { authServerSettings } from './auth-server-settings.js';
import { readConfigurationFile } from './configuration-file.js';

/** The database that a configuration file of the auth server names, if it does. Throws a `UsageError`. */
export function readConfiguredDatabase(file: string): string | undefined {
  const { given, problems } = readConfigurationFile(file, authServerSettings);
  const [problem] = problems;
  if (problem !== undefined) throw new UsageError(problem);
  const database = given.get('database');
  if (database === undefined) return undefined;
  if (typeof database.value === 'string') return database.value;
  throw new UsageError(
    `${database.where} is no text: it takes ${authServerSettings.database.allowed}.`,
  );
}
