import { type SqliteAgentServerStore, sqliteAgentServerStore } from '@countersign/agent/sqlite';
import { isAAuthError } from '@countersign/protocol';
import { existsSync } from 'node:fs';
import { CommandError, UsageError } from '../command-error.js';

/** Opens what `--database` names, and makes it when absent. */
export function openAgentDatabase(url: string): SqliteAgentServerStore {
  try {
    return sqliteAgentServerStore(fileOf(url));
  } catch (error) {
    if (!isAAuthError(error, 'configuration_invalid')) throw error;
    throw new UsageError(`--database is "${url}": ${error.message}`);
  }
}

/** Runs `use` on the database. `mustExist` for commands that have no reason to make one. */
export async function withAgentDatabase<T>(
  url: string,
  { mustExist }: { readonly mustExist: boolean },
  use: (store: SqliteAgentServerStore) => Promise<T>,
): Promise<T> {
  if (mustExist && !existsSync(fileOf(url))) {
    throw new UsageError(`--database is "${url}": there is no such file.`);
  }
  const store = openAgentDatabase(url);
  try {
    return await use(store);
  } catch (error) {
    if (error instanceof CommandError || isAAuthError(error)) throw error;
    throw new CommandError(`--database is "${url}": it cannot be read or written now.`);
  } finally {
    store.close();
  }
}

function fileOf(url: string): string {
  const file = /^sqlite:(.+)$/.exec(url)?.[1];
  if (file !== undefined) return file;
  // What follows another scheme may hold a password.
  const scheme = /^[a-z][a-z+.-]*:/i.exec(url)?.[0] ?? '';
  throw new UsageError(
    `--database ${scheme === '' ? 'has no scheme' : `begins with "${scheme}"`}: an agent server keeps its delegates in ` +
      'sqlite:FILE.',
  );
}
