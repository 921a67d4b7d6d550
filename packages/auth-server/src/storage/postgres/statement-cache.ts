import { hash } from 'node:crypto';

/** A column of the rows that a statement gives. */
export interface Column {
  readonly name: string;
  readonly read: (text: string) => unknown;
}

/** A statement that the server may have parsed and planned under a name. */
export interface CachedStatement {
  readonly text: string;
  /** Empty where there are too many to keep. */
  readonly name: string;
  /** Whether the server knows it by that name, or will by the time of its next use. */
  parsed: boolean;
  columns: readonly Column[];
  uses: number;
}

/** More than the store has distinct queries; a bound all the same, since the server keeps them for each connection. */
const MAX_STATEMENTS = 200;
/** Tables grow: a plan that was made while one was small is not kept for long. */
const MAX_USES = 500;

/** The statements of one connection. */
export class StatementCache {
  readonly #statements = new Map<string, CachedStatement>();

  /** For the next use. */
  get(text: string): CachedStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) {
      known.uses += 1;
      if (known.uses % MAX_USES === 0) known.parsed = false;
      return known;
    }
    const full = this.#statements.size >= MAX_STATEMENTS;
    const name = full ? '' : nameOf(text);
    const statement = { text, name, parsed: false, columns: [], uses: 1 };
    if (!full) this.#statements.set(text, statement);
    return statement;
  }

  /** What the tables are has changed, or somebody else has used the session: everything is parsed anew. */
  forget(): void {
    for (const statement of this.#statements.values()) statement.parsed = false;
  }
}

/**
 * By what it says: should a pooler hand a session on in spite of all advice, the name stands for nothing else than it did to
 * whoever had the session before.
 */
function nameOf(text: string): string {
  return `countersign_${hash('sha256', text, 'base64url')}`;
}
