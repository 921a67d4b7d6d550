import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isThisMachine, readPostgresUrl } from './postgres/postgres-url.js';
import { StorageConfigurationError } from './storage-error.js';

/** What a database URL says, before anything is opened. */
export interface DatabaseFacts {
  readonly kind: 'sqlite' | 'postgres';
  /** False for a database in memory, which is gone with the process. */
  readonly lasting: boolean;
  /** False when somebody on the way to another machine could read or answer: not encrypted, or not verified. */
  readonly protected: boolean;
  /** The file of the database or one beside it that other accounts of this machine may read or write, if there is one. */
  readonly exposedFile: string | undefined;
}

/**
 * Reads a database URL and looks at the mode of its file; opens nothing but the certificates it names. Throws a `StorageConfigurationError`, which repeats
 * nothing of it but names of settings, for one that `openStorage` would refuse by its form.
 */
export function readDatabaseUrl(url: string): DatabaseFacts {
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { host, tls } = readPostgresUrl(url);
    const verified = tls !== false && tls.rejectUnauthorized !== false;
    return {
      kind: 'postgres',
      lasting: true,
      protected: verified || isThisMachine(host),
      exposedFile: undefined,
    };
  }
  if (!/^sqlite:./.test(url)) {
    throw new StorageConfigurationError(
      'The database must be given as sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.',
    );
  }
  const lasting = url !== 'sqlite::memory:';
  const file = lasting ? resolve(url.slice('sqlite:'.length)) : undefined;
  const exposedFile = file && [file, `${file}-wal`, `${file}-shm`].find(isExposed);
  return { kind: 'sqlite', lasting, protected: true, exposedFile };
}

/** True when others than the owner may do something with a file that is there. Windows has no such modes. */
function isExposed(file: string): boolean {
  if (process.platform === 'win32') return false;
  const { mode = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return (mode & 0o077) !== 0;
}
