import { type NewUser, type Storage, usernameKey } from '../storage/index.js';
import { type AccountRefusal, checkUsername } from './accounts.js';
import { checkNewPassword, hashPassword, isPasswordHash } from './password.js';

/** An account that comes from somewhere else, with a password or with the hash of one. */
export interface AccountToImport {
  readonly id: string;
  /** The person's `sub`: random and opaque (PROTOCOL 3). */
  readonly subject: string;
  readonly username: string;
  /** An argon2id hash as a PHC string, with at most 256 MiB and ten passes. */
  readonly secret: { readonly password: string } | { readonly passwordHash: string };
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly emailVerified?: boolean | undefined;
}

/** Why the account at that place cannot be made; `twice` when an earlier one, `first`, has its user name. */
export interface ImportRefusal {
  readonly index: number;
  readonly reason: AccountRefusal | 'password-hash-invalid' | 'username-twice';
  readonly first?: number;
}

/** Says of each account that cannot be made why, by its place; an empty list when all can. Changes nothing. */
export async function checkAccounts(
  storage: Pick<Storage, 'users'>,
  accounts: readonly AccountToImport[],
): Promise<readonly ImportRefusal[]> {
  const taken = new Set((await storage.users.list()).map(({ username }) => usernameKey(username)));
  const seen = new Map<string, number>();
  return accounts.flatMap((account, index): ImportRefusal[] => {
    const refusals: ImportRefusal[] = [];
    const key = usernameKey(account.username);
    const first = seen.get(key);
    const problem = checkUsername(account.username);
    if (problem !== undefined) refusals.push({ index, reason: problem });
    else if (first !== undefined) refusals.push({ index, reason: 'username-twice', first });
    else if (taken.has(key)) refusals.push({ index, reason: 'username-taken' });
    seen.set(key, first ?? index);
    const reason = checkSecret(account.secret);
    if (reason !== undefined) refusals.push({ index, reason });
    return refusals;
  });
}

/**
 * Makes all of these accounts in one transaction, or none: then it returns why not, as {@link checkAccounts} does. Passwords
 * are hashed before, a few at a time, some 15 a second on a small machine.
 */
export async function importAccounts(
  storage: Pick<Storage, 'users'>,
  accounts: readonly AccountToImport[],
  now: number,
): Promise<readonly ImportRefusal[]> {
  const refusals = await checkAccounts(storage, accounts);
  if (refusals.length > 0) return refusals;
  const users: NewUser[] = [];
  for (let from = 0; from < accounts.length; from += AT_ONCE) {
    const part = accounts.slice(from, from + AT_ONCE);
    users.push(...(await Promise.all(part.map((account) => asUser(account, now)))));
  }
  const taken = await storage.users.createAll(users);
  return taken.map((index) => ({ index, reason: 'username-taken' }));
}

/** As many as the thread pool hashes at a time. */
const AT_ONCE = 4;

function checkSecret(secret: AccountToImport['secret']): ImportRefusal['reason'] | undefined {
  if ('password' in secret) return checkNewPassword(secret.password, false);
  return isPasswordHash(secret.passwordHash) ? undefined : 'password-hash-invalid';
}

async function asUser(account: AccountToImport, createdAt: number): Promise<NewUser> {
  const { id, subject, username, secret, name, email, emailVerified } = account;
  return {
    id,
    subject,
    username,
    createdAt,
    name: name ?? null,
    email: email ?? null,
    emailVerified: emailVerified ?? false,
    passwordHash: 'password' in secret ? await hashPassword(secret.password) : secret.passwordHash,
  };
}
