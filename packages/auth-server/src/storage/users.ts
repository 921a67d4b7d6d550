/** A person who can sign in. People are disabled, never deleted, so that a subject is never given to another. */
export interface UserRecord {
  readonly id: string;
  /** The `sub` of this person's tokens: opaque, unique, never reused (PROTOCOL 3). */
  readonly subject: string;
  /** As it was given. Unique when compared by `usernameKey`. */
  readonly username: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly passwordHash: string;
  /** Unix seconds, as every time in the store. */
  readonly createdAt: number;
  readonly disabledAt: number | null;
}

export type NewUser = Omit<UserRecord, 'disabledAt'>;

export interface PasswordChange {
  readonly userId: string;
  readonly passwordHash: string;
  /** The session in which the person changed it, which goes on; every other one ends. Null ends all of them. */
  readonly keepSession: string | null;
  readonly now: number;
}

export interface UserStore {
  /** Inserts if absent: false, and nothing changed, when the user name or the subject is taken. */
  create(user: NewUser): Promise<boolean>;
  /** The same for all of them or none: returns the places of those that were taken, and then nothing has been changed. */
  createAll(users: readonly NewUser[]): Promise<readonly number[]>;
  findById(id: string): Promise<UserRecord | undefined>;
  /** Compares user names by `usernameKey`. Returns disabled people too. */
  findByUsername(username: string): Promise<UserRecord | undefined>;
  /** Everybody, by user name. */
  list(): Promise<UserRecord[]>;
  /** Replaces the password and ends the person's other sessions. False for an unknown person. */
  setPassword(change: PasswordChange): Promise<boolean>;
  /**
   * Disables the person and, in the same transaction, deletes their sessions and unredeemed codes and revokes their
   * refresh tokens; none of these come back when the person is enabled again. False for an unknown person.
   */
  disable(id: string, now: number): Promise<boolean>;
  /** Lets the person sign in again. False for an unknown person. */
  enable(id: string, now: number): Promise<boolean>;
}
