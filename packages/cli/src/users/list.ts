import type { UserOptions } from '../commands/user.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign user list`. */
export async function listPeople({ database, json }: UserOptions): Promise<void> {
  const people = await withExistingStorage(database, async (storage) =>
    (await storage.users.list()).map(({ username, subject, disabledAt }) => ({
      username,
      subject,
      disabled: disabledAt !== null,
    })),
  );
  if (json) out(`${JSON.stringify(people)}\n`);
  else
    for (const { username, disabled } of people)
      out(`${username}${disabled ? '  (disabled)' : ''}\n`);
}
