import { hash, verify } from '@node-rs/argon2';

/**
 * argon2id with the second recommendation of RFC 9106 section 4, less its four lanes: a server hashes several passwords
 * at once and each has a thread already. About 70 to 90 ms on a small machine; the default thread pool runs four at a
 * time, so 256 MiB at most.
 */
const ARGON2 = {
  /** KiB. What makes guessing on graphics cards expensive. */
  memoryCost: 64 * 1024,
  /** Passes over the memory. */
  timeCost: 3,
  parallelism: 1,
} as const;

/** UTF-16 units. Longer input is refused before it is hashed: nobody else's time is spent on it. */
export const MAX_PASSWORD_LENGTH = 1024;
/** For new accounts (NIST SP 800-63B section 5.1.1.2). */
export const MIN_NEW_PASSWORD_LENGTH = 8;

/** What is wrong with a password for a new account, or for a change of password. Undefined: nothing. */
export function checkNewPassword(
  password: string,
  development: boolean,
): 'password-too-short' | 'password-too-long' | undefined {
  if (password.length > MAX_PASSWORD_LENGTH) return 'password-too-long';
  const least = development ? 1 : MIN_NEW_PASSWORD_LENGTH;
  return password.length < least ? 'password-too-short' : undefined;
}

/** Hashes a password into a PHC string. The caller has checked its length. */
export function hashPassword(password: string): Promise<string> {
  return hash(canonical(password), ARGON2);
}

/**
 * True when `password` is the one behind `passwordHash`. With `undefined`, an unknown user, false after the same work:
 * how long it takes tells nobody whether the user exists.
 */
export async function verifyPassword(
  passwordHash: string | undefined,
  password: string,
): Promise<boolean> {
  if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) return false;
  if (passwordHash === undefined) {
    await hashPassword(password);
    return false;
  }
  return verify(passwordHash, canonical(password));
}

/** Keyboards differ in how they compose accented letters; the password is the same (RFC 8265 section 4.2). */
function canonical(password: string): string {
  return password.normalize('NFC');
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;

/** True for an argon2id hash that costs no more to verify than a server can afford: 256 MiB, ten passes, four lanes. */
export function isPasswordHash(text: string): boolean {
  const [, memory, passes, lanes] = PHC.exec(text)?.map(Number) ?? [];
  if (memory === undefined || passes === undefined || lanes === undefined) return false;
  const fits = memory <= 256 * 1024 && passes <= 10 && lanes <= 4;
  return fits && memory >= 8 * lanes && passes >= 1 && lanes >= 1;
}
