import { encryptSigningKeys } from '@countersign/auth-server';
import { UsageError } from '../command-error.js';
import { systemClock } from '@countersign/protocol';
import type { KeyOptions } from '../commands/key.js';
import { withExistingStorage } from '../options/database.js';
import { vaultOptions } from './vault-options.js';

/** `countersign key encrypt`. */
export async function encryptKeys(options: KeyOptions): Promise<void> {
  if (options.keyEncryptionKey === undefined) {
    throw new UsageError(
      '--key-encryption-key is missing: 32 random bytes, base64url, best in the file that ' +
        'COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE names.',
    );
  }
  const changed = await withExistingStorage(options.database, async (storage) =>
    encryptSigningKeys({ ...(await vaultOptions(storage, options)), storage, now: systemClock() }),
  );
  const lines = changed.map((kid) => `encrypted: ${kid}\n`);
  process.stdout.write(
    lines.length === 0 ? 'All keys are encrypted with it already.\n' : lines.join(''),
  );
}
