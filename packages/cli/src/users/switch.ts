import { systemClock } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { UserOptions } from '../commands/user.js';
import { confirmed } from '../options/confirmed.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign user disable` and `enable`. */
export async function switchPerson(
  verb: 'disable' | 'enable',
  username: string,
  { database, yes }: UserOptions,
): Promise<void> {
  await withExistingStorage(database, async ({ users }) => {
    const person = await users.findByUsername(username);
    if (person === undefined) throw new CommandError(`There is nobody called ${username}.`);
    if (verb === 'disable') {
      await confirmed(
        yes,
        `All sessions, unredeemed codes and refresh tokens of ${person.username} end, and do not come back when the person ` +
          'is enabled again.',
      );
    }
    await users[verb](person.id, systemClock());
    out(`${person.username} is ${verb}d.\n`);
  });
}
