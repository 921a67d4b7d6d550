import type { Connection, Submittable } from 'pg';
import type { CachedStatement, Column, StatementCache } from './statement-cache.js';

export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

export interface Outcome {
  /** What the server says that it did: `COMMIT`, `INSERT 0 1`. */
  readonly tag: string;
  readonly rows: readonly Record<string, unknown>[];
}

type Readers = (type: number) => (text: string) => unknown;
type Callback = (error: unknown, outcomes?: readonly Outcome[]) => void;

/**
 * Statements that are sent in one piece and answered in one piece: one way there and back, however many they are. When one
 * fails, the server skips those that come after it. The driver has no such thing; this is what it calls a submittable, as
 * its own cursors are.
 */
export class StatementGroup implements Submittable {
  /** The driver puts its own before it, which watches the time. */
  callback: Callback;
  readonly #statements: readonly Statement[];
  readonly #cache: StatementCache;
  readonly #readers: Readers;
  readonly #sent: CachedStatement[] = [];
  readonly #new: CachedStatement[] = [];
  readonly #outcomes: Outcome[] = [];
  #rows: Record<string, unknown>[] = [];

  constructor(
    statements: readonly Statement[],
    cache: StatementCache,
    readers: Readers,
    callback: Callback,
  ) {
    this.#statements = statements;
    this.#cache = cache;
    this.#readers = readers;
    this.callback = callback;
  }

  readonly submit = (connection: Connection): void => {
    const { stream } = connection;
    stream.cork();
    try {
      for (const statement of this.#statements) this.#send(connection, statement);
      connection.sync();
    } finally {
      stream.uncork();
    }
  };

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }) {
    const statement = this.#current();
    if (statement === undefined) return;
    statement.columns = fields.map(({ name, dataTypeID }) => ({
      name,
      read: this.#readers(dataTypeID),
    }));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    this.#rows.push(asRow(fields, this.#current()?.columns ?? []));
  }

  handleCommandComplete({ text: tag }: { text: string }): void {
    this.#outcomes.push({ tag, rows: this.#rows });
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#outcomes);
  }

  handleError(error: unknown): void {
    // Which of them the server still came to is not known.
    for (const statement of this.#new) statement.parsed = false;
    this.callback(error);
  }

  #current(): CachedStatement | undefined {
    return this.#sent[this.#outcomes.length];
  }

  #send(connection: Connection, { text, values }: Statement): void {
    const statement = this.#cache.get(text);
    const { name } = statement;
    const isNew = !statement.parsed;
    if (isNew) {
      // There may be one of that name from before.
      if (name !== '') connection.close({ type: 'S', name }, false);
      connection.parse({ name, text, types: [] }, false);
      this.#new.push(statement);
      statement.parsed = name !== '';
    }
    connection.bind({ statement: name, values: [...values] }, false);
    // The columns of one that is known are known: the server refuses it when they have changed.
    if (isNew) connection.describe({ type: 'P' }, false);
    connection.execute({}, false);
    this.#sent.push(statement);
  }
}

function asRow(
  fields: readonly (string | null)[],
  columns: readonly Column[],
): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let at = 0; at < columns.length; at++) {
    const column = columns[at];
    const text = fields[at] ?? null;
    if (column !== undefined) row[column.name] = text === null ? null : column.read(text);
  }
  return row;
}
