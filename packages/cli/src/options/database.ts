import {
  openStorage,
  type Storage,
  StorageConfigurationError,
  StorageError,
} from '@countersign/auth-server';
import { existsSync } from 'node:fs';
import { CommandError, UsageError } from '../command-error.js';

/** A database URL as it may be shown: a password in it is left out. */
function shown(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:/@]*):.*@/, '$1:…@');
}

/** Runs `use` on the database that `--database` names, and says which setting is wrong when that cannot be done. */
export async function withStorage<T>(
  url: string,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await naming(url, openStorage(url));
  try {
    return await naming(url, use(storage));
  } finally {
    await storage.close();
  }
}

/** {@link withStorage} for commands that look into a database and have no reason to make one. */
export async function withExistingStorage<T>(
  url: string,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const file = /^sqlite:(?!:memory:$)(.+)$/.exec(url)?.[1];
  if (file !== undefined && !existsSync(file)) {
    throw new UsageError(`--database is "${shown(url)}": there is no such file.`);
  }
  return await withStorage(url, use);
}

/** The storage's own errors, with the setting they are about. */
export async function naming<T>(url: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageConfigurationError) {
      throw new UsageError(`--database is "${shown(url)}": ${error.message}`);
    }
    if (error instanceof StorageError) {
      throw new CommandError(`--database is "${shown(url)}": ${error.message}`);
    }
    throw error;
  }
}
