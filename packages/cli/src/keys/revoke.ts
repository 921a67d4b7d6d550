import { listSigningKeys, revokeSigningKey } from '@countersign/auth-server';
import { systemClock } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import type { KeyOptions } from '../commands/key.js';
import { withExistingStorage } from '../options/database.js';
import { confirmed } from '../options/confirmed.js';
import { note } from '../terminal.js';
import { keyLine } from './list.js';
import { vaultOptions } from './vault-options.js';

/** `countersign key revoke`. */
export async function revokeKey(kid: string, options: KeyOptions): Promise<void> {
  const signing = await withExistingStorage(options.database, async (storage) => {
    const vault = await vaultOptions(storage, options);
    const known = await listSigningKeys(storage, systemClock());
    if (!known.some((key) => key.kid === kid)) {
      throw new UsageError(
        `There is no signing key "${kid}". \`countersign key list\` shows them.`,
      );
    }
    await confirmed(
      options.yes,
      `Every token that the key ${kid} signed is refused from then on, and the key is gone for good.`,
    );
    return await revokeSigningKey({ ...vault, storage, kid, now: systemClock() });
  });
  process.stdout.write(keyLine(signing));
  note(
    'Servers notice within half a minute; resources that keep the keys do within five more. Agents renew by themselves.',
  );
}
