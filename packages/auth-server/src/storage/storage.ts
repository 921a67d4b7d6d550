import type { ReplayStore } from '@countersign/protocol';
import type { RequestScope } from '../observability/request-scope.js';
import type { AuditStore } from './audit.js';
import type { CodeStore } from './codes.js';
import type { GrantStore } from './grants.js';
import type { HealthStore } from './health.js';
import type { IssuedTokenStore } from './issued-tokens.js';
import type { LimitStore } from './limits.js';
import type { PendingDecisionStore } from './pending-decisions.js';
import type { RefreshTokenStore } from './refresh-tokens.js';
import type { SessionStore } from './sessions.js';
import type { SettingStore } from './settings.js';
import type { SignInAttemptStore } from './sign-in-attempts.js';
import type { SigningKeyStore } from './signing-keys.js';
import type { SubjectStore } from './subjects.js';
import type { UserStore } from './users.js';

export interface SweepOptions {
  /** After this age a refresh token has ended whatever its use; the same number that `refreshTokens.use` is given. */
  readonly refreshAbsoluteSeconds: number;
  /** Rows deleted in one transaction; 500 by default, so that others need not wait long. */
  readonly batch?: number;
}

/**
 * Everything the server remembers.
 *
 * - Times are Unix seconds and always passed in. Something expires when `now` reaches its `expiresAt`.
 * - Secrets are never stored: an argument named `…Hash` or `hash` is the SHA-256 of the value, base64url.
 * - Each operation is one transaction: it happened whole or not at all, it has one winner among all processes on the
 *   same database, and what was answered survives a crash.
 * - Each may reject with a `StorageError`.
 */
export interface Storage {
  readonly users: UserStore;
  readonly subjects: SubjectStore;
  readonly sessions: SessionStore;
  readonly pendingDecisions: PendingDecisionStore;
  readonly grants: GrantStore;
  readonly codes: CodeStore;
  readonly refreshTokens: RefreshTokenStore;
  readonly issuedTokens: IssuedTokenStore;
  readonly signingKeys: SigningKeyStore;
  readonly settings: SettingStore;
  readonly signInAttempts: SignInAttemptStore;
  readonly limits: LimitStore;
  /** Requests that have been accepted (PROTOCOL 2). */
  readonly replay: ReplayStore;
  readonly audit: AuditStore;
  readonly health: HealthStore;
  /** The same storage for one request: what it tells and records then names that. For the server itself. */
  during(request: RequestScope): Storage;
  /** Deletes what has expired, in small batches with pauses. Returns how many rows went. */
  sweep(now: number, options: SweepOptions): Promise<number>;
  /** Waits for the operations in progress. Later ones reject with a `StorageError`. */
  close(): Promise<void>;
}
