import { UsageError } from '../command-error.js';

export interface DevelopmentUser {
  readonly username: string;
  readonly password: string;
}

/** Reads `--user NAME:PASSWORD`; the password may have colons in it. `setting` is how the operator calls it. */
export function readDevelopmentUsers(
  given: readonly string[],
  setting = '--user',
): readonly DevelopmentUser[] {
  return given.map((one) => {
    const colon = one.indexOf(':');
    if (colon < 1 || colon === one.length - 1) {
      // Without a colon it may be a password alone: it is not repeated.
      throw new UsageError(`${setting} takes NAME:PASSWORD, and neither of them may be empty.`);
    }
    return { username: one.slice(0, colon), password: one.slice(colon + 1) };
  });
}
