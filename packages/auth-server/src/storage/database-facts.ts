import { isThisMachine, readPostgresUrl } from './postgres/postgres-url.js';
import { StorageConfigurationError } from './storage-error.js';

/** What a database URL says, before anything is opened. */
export interface DatabaseFacts {
  readonly kind: 'sqlite' | 'postgres';
  /** False for a database in memory, which is gone with the process. */
  readonly lasting: boolean;
  /** False when somebody on the way to another machine could read or answer: not encrypted, or not verified. */
  readonly protected: boolean;
}

/**
 * Reads a database URL and opens nothing but the certificates it names. Throws a `StorageConfigurationError`, which repeats
 * nothing of it but names of settings, for one that `openStorage` would refuse by its form.
 */
export function readDatabaseUrl(url: string): DatabaseFacts {
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { host, tls } = readPostgresUrl(url);
    const verified = tls !== false && tls.rejectUnauthorized !== false;
    return { kind: 'postgres', lasting: true, protected: verified || isThisMachine(host) };
  }
  if (!/^sqlite:./.test(url)) {
    throw new StorageConfigurationError(
      'The database must be given as sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.',
    );
  }
  return { kind: 'sqlite', lasting: url !== 'sqlite::memory:', protected: true };
}
