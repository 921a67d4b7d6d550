import type { JsonObject } from '@countersign/protocol';
import type { IssuedTokenStamp } from './issued-tokens.js';
import type { IssueTerms } from './issue-terms.js';

/** An approval on its way to the agent (PROTOCOL 5.2): single use, bound to agent, delegate and redirect URI. */
export interface CodeRecord extends IssueTerms {
  /** SHA-256 of the code, base64url. */
  readonly codeHash: string;
  readonly pendingIdHash: string;
  readonly grantId: string;
  readonly userId: string;
  readonly subject: string;
  readonly agent: string;
  readonly delegate: string | null;
  readonly audience: string;
  /** Exactly what was approved. */
  readonly scope: string;
  readonly claims: JsonObject;
  readonly redirectUri: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly redeemedAt: number | null;
  /** The refresh token that the redemption made. */
  readonly refreshTokenHash: string | null;
}

export interface CodeRedemption {
  readonly codeHash: string;
  /** Who signed the request. */
  readonly agent: string;
  readonly delegate: string | null;
  /** Compared when given; it may be absent (PROTOCOL 5.3). */
  readonly redirectUri: string | undefined;
  readonly now: number;
  /** The refresh token to store with it, if one is to be issued. */
  readonly refreshTokenHash: string | null;
  readonly issued: IssuedTokenStamp;
}

/** For the log only: the agent gets one and the same answer for all of them. */
export type CodeRefusal =
  'unknown' | 'foreign' | 'reused' | 'redirect-uri-mismatch' | 'expired' | 'revoked';

export type RedeemResult =
  | { readonly outcome: 'redeemed'; readonly code: CodeRecord }
  | { readonly outcome: 'refused'; readonly reason: CodeRefusal };

export interface CodeStore {
  /**
   * Spends the code and stores the refresh token and the ledger row, in one transaction with one winner (PROTOCOL 5.3).
   * A refusal does not spend it. A code used again by its own agent is refused, and the refresh token that the first
   * use made is revoked.
   */
  redeem(redemption: CodeRedemption): Promise<RedeemResult>;
}
