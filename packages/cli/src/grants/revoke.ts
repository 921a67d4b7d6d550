import { systemClock } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { GrantOptions } from '../commands/grant.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign grant revoke`. */
export async function revokeGrant(id: string, { database }: GrantOptions): Promise<void> {
  await withExistingStorage(database, async ({ grants }) => {
    if (!(await grants.revoke({ id, now: systemClock() }))) {
      throw new CommandError(`There is no active grant ${id}; countersign grant list shows them.`);
    }
    out('The grant is revoked. Auth tokens already issued live out their hour.\n');
  });
}
