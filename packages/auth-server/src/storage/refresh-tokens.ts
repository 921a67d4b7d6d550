import type { JsonObject } from '@countersign/protocol';
import type { IssuedTokenStamp } from './issued-tokens.js';
import type { IssueTerms } from './issue-terms.js';

/** Bound to agent and delegate, not to a key: keys may rotate (PROTOCOL 5.4). */
export interface RefreshTokenRecord extends IssueTerms {
  /** SHA-256 of the refresh token, base64url. */
  readonly hash: string;
  readonly grantId: string;
  readonly agent: string;
  readonly delegate: string | null;
  readonly subject: string | null;
  readonly userId: string | null;
  readonly audience: string;
  readonly scope: string;
  readonly claims: JsonObject;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly revokedAt: number | null;
}

export type NewRefreshToken = Omit<
  RefreshTokenRecord,
  'lastUsedAt' | 'revokedAt' | keyof IssueTerms
> &
  Partial<IssueTerms>;

export interface RefreshTokenUse {
  readonly hash: string;
  /** Who signed the request. */
  readonly agent: string;
  readonly delegate: string | null;
  readonly now: number;
  /** It ends this long after its last use, */
  readonly idleSeconds: number;
  /** and this long after it was made in any case. */
  readonly absoluteSeconds: number;
  readonly issued: IssuedTokenStamp;
}

export interface RefreshTokenStore {
  /** False, and nothing stored, when the grant is revoked or its person disabled. */
  create(token: NewRefreshToken): Promise<boolean>;
  /** Notes the use and writes the ledger row, in one transaction; undefined, and nothing written, when refused. */
  use(use: RefreshTokenUse): Promise<RefreshTokenRecord | undefined>;
}
