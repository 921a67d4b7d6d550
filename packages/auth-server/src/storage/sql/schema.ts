import type { Generated } from 'kysely';
import type { AuditHead, ChainedEntry } from '../../audit/audit-entry.js';
import type { CodeRecord } from '../codes.js';
import type { GrantRecord } from '../grants.js';
import type { IssuedTokenRecord } from '../issued-tokens.js';
import type { PendingDecision } from '../pending-decisions.js';
import type { RefreshTokenRecord } from '../refresh-tokens.js';
import type { SessionRecord } from '../sessions.js';
import type { SigningKeyRecord } from '../signing-keys.js';
import type { UserRecord } from '../users.js';
import type { TermsColumns } from './terms-columns.js';

/** A record with its JSON members as text. */
type WithText<Record, Member extends keyof Record> = Omit<Record, Member> & {
  [Name in Member]: string;
};

export type UserRow = Omit<UserRecord, 'emailVerified'> & {
  usernameKey: string;
  /** 0 or 1: SQLite has no booleans. */
  emailVerified: number;
};

/** The tables. Names are snake_case in the database and camelCase here; `migrations` has the constraints. */
export interface Schema {
  schemaMigrations: { version: number; name: string };
  settings: { key: string; value: string };
  users: UserRow;
  subjects: { userId: string; audience: string; subject: string };
  sessions: SessionRecord;
  pendingDecisions: WithText<PendingDecision, 'question'>;
  grants: GrantRecord;
  codes: Omit<WithText<CodeRecord, 'claims'>, keyof TermsColumns> & TermsColumns;
  refreshTokens: Omit<WithText<RefreshTokenRecord, 'claims'>, keyof TermsColumns> & TermsColumns;
  issuedTokens: IssuedTokenRecord;
  signingKeys: WithText<SigningKeyRecord, 'privateJwk'>;
  replayEntries: { entryKey: string; owner: string; expiresAt: number };
  /** Failures of one second from one address at one account are one row. */
  signInAttempts: { account: string; address: string; attemptedAt: number; failures: number };
  /** Addresses from which a person has signed in. */
  signInAddresses: { account: string; address: string; lastSignInAt: number };
  /** Acts that are recorded and not chained yet. `id` counts up by itself. */
  auditPending: { id: Generated<number>; text: string };
  auditEntries: ChainedEntry;
  /** Where the chain begins: the last entry that was pruned, each time. */
  auditStarts: AuditHead & { prunedAt: number };
  limitCounters: { counterKey: string; endsAt: number; used: number; granted: number };
}
