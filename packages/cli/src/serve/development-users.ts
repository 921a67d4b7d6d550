import {
  createAccount,
  hashPassword,
  type Storage,
  verifyPassword,
} from '@countersign/auth-server';
import { randomSecret, systemClock, systemRandom } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import type { DevelopmentUser } from '../options/development-users.js';
import { note } from '../terminal.js';

/**
 * Makes accounts for development. Their `sub` is their user name, as in the captured run (PROTOCOL section 3). One made
 * so before gets the password given now; an account that was made otherwise is left alone.
 */
export async function addDevelopmentUsers(
  storage: Storage,
  users: readonly DevelopmentUser[],
): Promise<void> {
  for (const { username, password } of users) {
    const result = await createAccount(storage, {
      id: randomSecret(systemRandom, 128),
      subject: username,
      username,
      password,
      now: systemClock(),
      development: true,
    });
    if (result.outcome === 'created') continue;
    if (result.reason !== 'username-taken') {
      throw new UsageError(`--user ${username}: ${result.reason.replaceAll('-', ' ')}.`);
    }
    await renewPassword(storage, { username, password });
  }
}

async function renewPassword(storage: Storage, { username, password }: DevelopmentUser) {
  const known = await storage.users.findByUsername(username);
  if (known?.subject !== username) {
    note(`WARNING: --user ${username}: that account was not made with --user and stays as it is.`);
    return;
  }
  if (await verifyPassword(known.passwordHash, password)) return;
  const passwordHash = await hashPassword(password);
  const now = systemClock();
  await storage.users.setPassword({ userId: known.id, passwordHash, keepSession: null, now });
}
