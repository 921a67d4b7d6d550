import type { JsonObject } from '@countersign/protocol';
import type { ApprovedDocument } from './grants.js';
import type { IssueTerms } from './issue-terms.js';

export type DecisionOutcome = 'granted' | 'denied';

/** A question that waits for a person: the core record of the server. A request token is one way of naming it. */
export interface PendingDecision {
  /** SHA-256 of the request token, base64url. */
  readonly idHash: string;
  readonly agent: string;
  readonly delegate: string | null;
  readonly audience: string;
  /** Exactly what will be shown and granted: a JSON value, kept as text and never looked into by the store. */
  readonly question: unknown;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly claimedBy: string | null;
  readonly claimedAt: number | null;
  readonly outcome: DecisionOutcome | null;
  readonly decidedAt: number | null;
  readonly deliveredAt: number | null;
}

export type NewPendingDecision = Pick<
  PendingDecision,
  | 'idHash'
  | 'agent'
  | 'delegate'
  | 'audience'
  | 'question'
  | 'redirectUri'
  | 'state'
  | 'createdAt'
  | 'expiresAt'
>;

/** What policy said to it, for the audit trail. */
export interface PolicyRuling {
  readonly rule?: string | undefined;
  /** What was asked for, space-separated. */
  readonly scope?: string;
}

export type ClaimResult =
  'claimed' | 'already-claimed-by-you' | 'claimed-by-another' | 'unavailable';

/** The grant that an approval makes or widens. Agent, delegate and audience are those of the stored question. */
export interface ApprovedGrant {
  /** The id of the grant, if there is none active yet. */
  readonly id: string;
  /** Everything approved, space-separated; added to what the active grant already has. */
  readonly scope: string;
  /** The Auth Request Document approved, if it was one: it makes a grant of its own. */
  readonly document?: ApprovedDocument;
}

/** The code that an approval makes. It carries exactly what was approved now, not what the grant adds up to. */
export interface ApprovedCode extends Partial<IssueTerms> {
  readonly hash: string;
  readonly subject: string;
  readonly scope: string;
  readonly claims: JsonObject;
  readonly expiresAt: number;
}

interface DecisionBy {
  readonly idHash: string;
  readonly userId: string;
  readonly now: number;
}

export type Decision =
  | (DecisionBy & { readonly outcome: 'denied' })
  | (DecisionBy & {
      readonly outcome: 'granted';
      readonly grant: ApprovedGrant;
      readonly code?: ApprovedCode;
    });

export type LostDecision =
  | 'unknown'
  | 'expired'
  | 'already-decided'
  | 'not-claimed'
  | 'claimed-by-another'
  | 'user-disabled';

export type DecideResult =
  | {
      readonly won: true;
      /** The grant that was made or widened; null when denied. */
      readonly grantId: string | null;
    }
  | { readonly won: false; readonly reason: LostDecision };

export interface PendingDecisionStore {
  /** Refuses when `agent` already has `maxPendingPerAgent` questions that are neither decided nor expired. */
  create(
    decision: NewPendingDecision,
    limits: { maxPendingPerAgent: number },
    ruling?: PolicyRuling,
  ): Promise<'created' | 'too-many-pending'>;
  /** When `agent` may have another question at the latest, Unix seconds, while none of those it has is decided. */
  roomAt(agent: string, now: number, limits: { maxPendingPerAgent: number }): Promise<number>;
  /** When this person denied this agent for the `nth` time, counted from now back; undefined when they have not since then. */
  deniedAt(by: {
    agent: string;
    userId: string;
    since: number;
    nth: number;
  }): Promise<number | undefined>;
  /** Also what is decided or expired, for a day, so that a page can say so. */
  find(idHash: string): Promise<PendingDecision | undefined>;
  /** The first person to open a question owns it (PROTOCOL 5.2). `unavailable`: unknown, decided or expired. */
  claim(idHash: string, userId: string, now: number): Promise<ClaimResult>;
  /** Gives an undecided question back ("use another account"). False when it was not this person's. */
  release(idHash: string, userId: string): Promise<boolean>;
  /** Answers once: by the person who claimed it, undecided and unexpired; with it comes the grant and the code. */
  decide(decision: Decision): Promise<DecideResult>;
  /** Notes that the agent has been given the answer. True for the first time only. */
  deliver(idHash: string, now: number): Promise<boolean>;
}
