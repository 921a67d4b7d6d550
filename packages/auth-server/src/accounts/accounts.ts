import { createHash } from 'node:crypto';
import {
  type AttemptLimits,
  type Storage,
  type UserRecord,
  usernameKey,
} from '../storage/index.js';
import { addressKey } from './address-key.js';
import { checkNewPassword, hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from './password.js';

const MAX_USERNAME_LENGTH = 256;

/**
 * Ten guesses at one account from one place in a quarter of an hour; fifty from one place at all accounts, which a
 * household or a small office does not reach by mistyping; a hundred at one account from everywhere, against guessing
 * from many places. The last does not count where the person has signed in within 30 days.
 */
export const SIGN_IN_LIMITS: AttemptLimits = {
  windowSeconds: 15 * 60,
  perAccountAndAddress: 10,
  perAddress: 50,
  perAccount: 100,
  knownAddressSeconds: 30 * 24 * 60 * 60,
};

export interface NewAccount {
  readonly id: string;
  /** The person's `sub`: random and opaque, or in the demonstration the user name (PROTOCOL 3). */
  readonly subject: string;
  readonly username: string;
  readonly password: string;
  readonly name?: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly now: number;
  /** Allows short passwords. For demonstrations and tests. */
  readonly development?: boolean;
}

export type AccountRefusal =
  'username-invalid' | 'username-taken' | 'password-too-short' | 'password-too-long';

export type CreateAccountResult =
  | { readonly outcome: 'created'; readonly user: UserRecord }
  | { readonly outcome: 'refused'; readonly reason: AccountRefusal };

/** Makes an account. `username-taken` also when the subject belongs to somebody. */
export async function createAccount(
  storage: Pick<Storage, 'users'>,
  account: NewAccount,
): Promise<CreateAccountResult> {
  const { id, subject, username, password, now } = account;
  const problem =
    checkUsername(username) ?? checkNewPassword(password, account.development === true);
  if (problem !== undefined) return { outcome: 'refused', reason: problem };
  const user = {
    id,
    subject,
    username,
    name: account.name ?? null,
    email: account.email ?? null,
    emailVerified: account.emailVerified ?? false,
    passwordHash: await hashPassword(password),
    createdAt: now,
  };
  return (await storage.users.create(user))
    ? { outcome: 'created', user: { ...user, disabledAt: null } }
    : { outcome: 'refused', reason: 'username-taken' };
}

/** No control, format or broken characters, none of which can be seen, and no white space at the ends. */
export function checkUsername(username: string): 'username-invalid' | undefined {
  const fits = username.length > 0 && username.length <= MAX_USERNAME_LENGTH;
  const seen = username.trim() === username && !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(username);
  return fits && seen ? undefined : 'username-invalid';
}

export interface SignInAttempt {
  readonly username: string;
  readonly password: string;
  /** The address of the browser, as established behind trusted proxies. */
  readonly address: string;
  readonly now: number;
  /**
   * The secret that this browser was given when the person signed in with it before, if it has one. Where it is this
   * account's, failures are counted for the browser alone: nobody else can keep the person out of it, at the same
   * address neither.
   */
  readonly browser?: string;
  /** A new secret for the browser, of 256 random bits. */
  readonly newBrowser?: string;
  /** {@link SIGN_IN_LIMITS} by default. */
  readonly limits?: AttemptLimits;
}

export type SignInResult =
  | {
      readonly outcome: 'signed-in';
      readonly user: UserRecord;
      /** What the browser keeps to be recognised by: the secret it has, or the new one. */
      readonly browser?: string;
    }
  /** One answer for a wrong password, an unknown user and a disabled one, after the same work. */
  | {
      readonly outcome: 'refused';
      /** The id of the account that has the name, where there is one: for the log, never for an answer. */
      readonly account?: string;
    }
  | { readonly outcome: 'too-many-attempts'; readonly retryAfterSeconds: number };

/**
 * Checks a user name and a password. The attempt is counted before the password is hashed; the limits are the same for
 * names that do not exist, so they do not tell which do.
 */
export async function signIn(
  storage: Pick<Storage, 'users' | 'signInAttempts'>,
  attempt: SignInAttempt,
): Promise<SignInResult> {
  const { username, password, now, limits = SIGN_IN_LIMITS } = attempt;
  if (username.length > MAX_USERNAME_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
    return { outcome: 'refused' };
  }
  const account = accountKey(username);
  const atAddress = { account, address: addressKey(attempt.address), now };
  const since = now - limits.knownAddressSeconds;
  const own = attempt.browser === undefined ? undefined : browserKey(attempt.browser);
  const recognised =
    own !== undefined &&
    (await storage.signInAttempts.knows({ account, address: own, now: since }));
  const source = recognised ? { account, address: own, now } : atAddress;
  const admission = await storage.signInAttempts.begin({ ...source, limits });
  if (!admission.allowed) {
    return { outcome: 'too-many-attempts', retryAfterSeconds: admission.retryAfterSeconds };
  }
  const user = await storage.users.findByUsername(username);
  const matches = await verifyPassword(user?.passwordHash, password);
  if (user === undefined) return { outcome: 'refused' };
  if (!matches || user.disabledAt !== null) return { outcome: 'refused', account: user.id };
  await storage.signInAttempts.succeed(atAddress);
  const browser = recognised ? attempt.browser : attempt.newBrowser;
  if (browser === undefined) return { outcome: 'signed-in', user };
  await storage.signInAttempts.succeed({ account, address: browserKey(browser), now });
  return { outcome: 'signed-in', user, browser };
}

/** A browser as an origin of attempts, beside addresses, none of which has a space. */
function browserKey(secret: string): string {
  return `browser ${createHash('sha256').update(secret).digest('base64url')}`;
}

/** Hashed, since people type passwords into the wrong field. */
function accountKey(username: string): string {
  return createHash('sha256').update(usernameKey(username)).digest('base64url');
}
