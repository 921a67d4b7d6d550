import type { JsonObject } from '@countersign/protocol';
import type { IssuedTokenStamp } from './issued-tokens.js';
import type { IssueTerms } from './issue-terms.js';

/** An Auth Request Document (PROTOCOL 5.9) as a person approved it. */
export interface ApprovedDocument {
  /** SHA-256 of everything in it that was shown or granted, base64url. */
  readonly documentHash: string;
  /** Why, as it was shown. */
  readonly purpose: string | null;
  /** Unix seconds at which the approval ends by itself. */
  readonly endsAt: number | null;
}

/** What an agent may do at an audience, for a person or, with `userId` null, on its own (PROTOCOL 5.5). */
export interface GrantRecord {
  readonly id: string;
  readonly userId: string | null;
  readonly agent: string;
  readonly delegate: string | null;
  readonly audience: string;
  /** Everything approved so far, space-separated. A token carries what was approved for it, which may be less. */
  readonly scope: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly revokedAt: number | null;
  /** The document that was approved; null for the grant of scopes alone. */
  readonly documentHash: string | null;
  readonly purpose: string | null;
  readonly endsAt: number | null;
}

/** What makes an active grant unique. */
export type GrantKey = Pick<GrantRecord, 'userId' | 'agent' | 'delegate' | 'audience'> & {
  /** Approvals of documents are apart from one another and from that of scopes alone, which is meant by default. */
  readonly documentHash?: string | null;
};

export interface DirectIssue {
  readonly grant: {
    /** The id of the grant, if there is none active yet. */
    readonly id: string;
    readonly agent: string;
    readonly delegate: string | null;
    readonly audience: string;
    readonly scope: string;
  };
  readonly refreshToken:
    ({ readonly hash: string; readonly claims: JsonObject } & Partial<IssueTerms>) | null;
  readonly issued: IssuedTokenStamp;
  /** The rule of the policy that grants it, for the audit trail. */
  readonly rule?: string | undefined;
  readonly now: number;
}

export interface GrantStore {
  findById(id: string): Promise<GrantRecord | undefined>;
  findActive(key: GrantKey): Promise<GrantRecord | undefined>;
  /** Active grants of a person, the latest first. */
  listForUser(userId: string): Promise<GrantRecord[]>;
  /** Whether `agent` has an active grant of anybody. */
  existsFor(agent: string): Promise<boolean>;
  /** All active grants, the autonomous ones included, the latest first. For administration. */
  list(): Promise<GrantRecord[]>;
  /**
   * Policy grants without a person: makes or widens the autonomous grant, and stores the refresh token and the ledger
   * row, in one transaction. Returns the id of the grant.
   */
  issueDirectly(issue: DirectIssue): Promise<string>;
  /**
   * Revokes the grant with its refresh tokens; its unredeemed codes are refused from then on, also when the same is
   * granted anew. With `userId`, only if it is that person's.
   * False when there is no such active grant.
   */
  revoke(revocation: { id: string; userId?: string; now: number }): Promise<boolean>;
}
