import type { AuditHead, ChainedEntry, NewAuditEntry } from '../audit/audit-entry.js';

/** What `AuditStore.read` returns; with `from` alone the entries from there on. */
export interface AuditPage {
  /** The first sequence of interest. */
  readonly from: number;
  readonly limit: number;
}

/**
 * The audit trail. Every act of the other stores is recorded in the transaction that does it, and chained a little later, in
 * the order in which acts became visible: chaining at once would make all writers of all processes wait for one
 * another. Chained entries are never changed; the database itself refuses it.
 */
export interface AuditStore {
  /** Records a decision that changes nothing else. */
  record(entry: NewAuditEntry): Promise<void>;
  /**
   * Puts what has been recorded into the chain, by any process, in small batches. Returns the new head, or undefined when
   * there was nothing.
   */
  seal(): Promise<AuditHead | undefined>;
  /** How many acts are recorded and not chained yet. */
  countUnsealed(): Promise<number>;
  /** Where the chain begins: `CHAIN_START`, or the last entry that was pruned. */
  start(): Promise<AuditHead>;
  /** The latest entry; `start` when there is none. */
  head(): Promise<AuditHead>;
  /** Entries by their sequence. */
  read(page: AuditPage): Promise<ChainedEntry[]>;
  /** The sequence of the first entry that was made at this time or later; undefined when there is none. */
  firstSince(time: number): Promise<number | undefined>;
  /**
   * Deletes the entries before the first that was made at `before` or later, in small batches, and never the latest one. The
   * place where the chain then begins is kept, and the act recorded. Returns how many went.
   */
  prune(before: number, now: number): Promise<number>;
}
