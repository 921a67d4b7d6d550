import type { UserRecord } from './users.js';

/** A browser's session. Before sign-in it has no user and serves to bind forms to the browser only. */
export interface SessionRecord {
  /** SHA-256 of the session id, base64url. */
  readonly idHash: string;
  readonly userId: string | null;
  readonly createdAt: number;
  readonly authenticatedAt: number | null;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

/** What a session says of the browser it belongs to. */
export interface OpenSession {
  readonly idHash: string;
  /** Absent before sign-in. */
  readonly user: SessionUser | undefined;
}

/** A person who is signed in, as the pages show and share them. */
export type SessionUser = Pick<UserRecord, 'id' | 'username' | 'name' | 'email' | 'emailVerified'>;

export interface SessionStore {
  /** False, and nothing stored, when the session's user is disabled or unknown. */
  create(session: SessionRecord): Promise<boolean>;
  /** The session, unless it has expired or its user is disabled. */
  find(idHash: string, now: number): Promise<SessionRecord | undefined>;
  /** What it says of its browser, who is signed in included; as `find` does, not once it has ended. */
  open(idHash: string, now: number): Promise<OpenSession | undefined>;
  /** Notes that the session was used, and until when it now lives. False when it has expired or is gone. */
  touch(use: { idHash: string; now: number; expiresAt: number }): Promise<boolean>;
  /** False when there was none. */
  delete(idHash: string): Promise<boolean>;
  /** How many were deleted. */
  deleteForUser(userId: string): Promise<number>;
  /**
   * Renewal at sign-in: the old session goes and the new one comes, or neither. False when the old one has expired
   * (by the new one's `createdAt`) or is gone, or the new one's user is disabled. Of two attempts at once one succeeds.
   */
  replace(oldIdHash: string, session: SessionRecord): Promise<boolean>;
}
