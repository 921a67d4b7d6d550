import {
  actingAs,
  openStorage,
  type Storage,
  StorageConfigurationError,
  StorageError,
} from '@countersign/auth-server';
import { existsSync } from 'node:fs';
import { CommandError, UsageError } from '../command-error.js';
import { operatorName } from './operator.js';
import { shownUrl } from '../settings/shown-url.js';

/** Runs `use` on the database that `--database` names, and says which setting is wrong when that cannot be done. */
export async function withStorage<T>(
  url: string,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await naming(url, openStorage(url));
  try {
    return await naming(
      url,
      actingAs(operatorName(), () => use(storage)),
    );
  } finally {
    // Else a server does it: what has been done stands in any case.
    await storage.audit.seal().catch(() => undefined);
    await storage.close();
  }
}

/** {@link withStorage} for commands that look into a database and have no reason to make one. */
export async function withExistingStorage<T>(
  url: string,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  existing(url);
  return await withStorage(url, use);
}

/** Throws for a database file that would have to be made. */
export function existing(url: string): void {
  const file = /^sqlite:(?!:memory:$)(.+)$/.exec(url)?.[1];
  if (file !== undefined && !existsSync(file)) {
    throw new UsageError(`--database is "${shownUrl(url)}": there is no such file.`);
  }
}

/** What the system or the server said, for the log: `ECONNREFUSED` or `the database system is shutting down`. */
export function storageReason({ message, cause }: StorageError): string {
  if (!(cause instanceof Error)) return message;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const said = cause.message.includes(code) ? [cause.message] : [code, cause.message];
  return `${message} (${said.filter((part) => part !== '').join(': ')})`;
}

/** The storage's own errors, with the setting they are about. */
export async function naming<T>(url: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageConfigurationError) {
      throw new UsageError(`--database is "${shownUrl(url)}": ${error.message}`);
    }
    if (error instanceof StorageError) {
      throw new CommandError(`--database is "${shownUrl(url)}": ${storageReason(error)}`);
    }
    throw error;
  }
}
