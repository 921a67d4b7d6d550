import { createAccount } from '@countersign/auth-server';
import { randomSecret, systemClock, systemRandom } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { UserOptions } from '../commands/user.js';
import { withStorage } from '../options/database.js';
import { out } from '../terminal.js';
import { readNewPassword } from './password.js';
import { ACCOUNT_REFUSALS } from './refusals.js';

/** `countersign user add`. The person's `sub` is random and opaque (PROTOCOL section 3). */
export async function addPerson(username: string, options: UserOptions): Promise<void> {
  const { name, email } = options;
  const password = await readNewPassword();
  await withStorage(options.database, async (storage) => {
    const result = await createAccount(storage, {
      id: randomSecret(systemRandom, 128),
      subject: randomSecret(systemRandom, 128),
      username,
      password,
      now: systemClock(),
      ...(name === undefined ? {} : { name }),
      ...(email === undefined ? {} : { email }),
    });
    if (result.outcome === 'refused') {
      throw new CommandError(ACCOUNT_REFUSALS[result.reason]);
    }
    out(`${result.user.username} can sign in now.\n`);
  });
}
