import { systemClock } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { UserOptions } from '../commands/user.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign user disable` and `enable`. */
export async function switchPerson(
  verb: 'disable' | 'enable',
  username: string,
  { database }: UserOptions,
): Promise<void> {
  await withExistingStorage(database, async ({ users }) => {
    const person = await users.findByUsername(username);
    if (person === undefined) throw new CommandError(`There is nobody called ${username}.`);
    await users[verb](person.id, systemClock());
    out(`${person.username} is ${verb}d.\n`);
  });
}
