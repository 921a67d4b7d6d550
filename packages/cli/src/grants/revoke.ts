import { systemClock } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { GrantOptions } from '../commands/grant.js';
import { confirmed } from '../options/confirmed.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign grant revoke`. */
export async function revokeGrant(id: string, { database, yes }: GrantOptions): Promise<void> {
  await withExistingStorage(database, async ({ grants }) => {
    const unknown = `There is no active grant ${id}; countersign grant list shows them.`;
    const grant = (await grants.list()).find((one) => one.id === id);
    if (grant === undefined) throw new CommandError(unknown);
    await confirmed(
      yes,
      `${grant.agent} can renew no token for ${grant.audience} any more under this grant (${grant.scope}), and has to ask anew.`,
    );
    if (!(await grants.revoke({ id, now: systemClock() }))) throw new CommandError(unknown);
    out('The grant is revoked. Auth tokens already issued live out their hour.\n');
  });
}
