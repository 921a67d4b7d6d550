import type { KeyVaultOptions, Storage } from '@countersign/auth-server';
import { UsageError } from '../command-error.js';
import type { KeyOptions } from '../commands/key.js';

/** How the keys of this database are kept. */
export async function vaultOptions(
  storage: Storage,
  { database, keyEncryptionKey, previousKeyEncryptionKey }: KeyOptions,
): Promise<KeyVaultOptions> {
  const issuer = await storage.settings.get('issuer');
  if (issuer === undefined) {
    throw new UsageError(
      `--database is "${database.startsWith('sqlite:') ? database : 'postgres://…'}": no auth server has been started on it yet.`,
    );
  }
  return {
    issuer,
    keyEncryptionKey,
    previousKeyEncryptionKeys:
      previousKeyEncryptionKey === undefined ? [] : [previousKeyEncryptionKey],
  };
}
