import type { Compilable, CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import type { Queries } from './sql-database.js';

/** A connection that can answer at once: nothing is waited for, and nobody else gets between. */
export interface PromptConnection extends DatabaseConnection {
  /** `undefined` when something has to be waited for. `first`: no more than one row is wanted. */
  executeAtOnce<R>(statement: BoundStatement, first: boolean): Outcome<R> | undefined;
}

/** What a connection that carries it out looks at of a query. */
export type BoundStatement = Pick<CompiledQuery, 'sql' | 'parameters'>;

/** What came of a statement. */
export interface Outcome<Row> {
  /** With their columns called as in the schema. */
  readonly rows: readonly Row[];
  /** How many rows it changed. */
  readonly changed: number;
}

/** A connection to a server that is some way off. */
export interface PatientConnection extends DatabaseConnection {
  /** Sends it with whatever comes next in the transaction, which fails when this does. */
  executeLater(query: CompiledQuery): void;
}

/** Stands for a value while a query is built. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Answers with a placeholder for whatever is asked of it. */
const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) });

interface Prepared {
  readonly compiled: CompiledQuery;
  /** The name of the value for each parameter; `undefined` where it is always the same. */
  readonly names: readonly (string | undefined)[];
}

/** Connections that are reached without the builder. */
const connections = new WeakMap<Queries, DatabaseConnection>();

/**
 * From now on prepared queries on `queries` go straight to its connection: for a transaction, and for a database whose
 * connections may be used by several at once.
 */
export async function reachConnection(queries: Queries): Promise<void> {
  await queries.getExecutor().provideConnection(async (connection) => {
    connections.set(queries, connection);
  });
}

/** The same queries, of which the prepared ones go to `connection`. */
export function reachThrough(queries: Queries, connection: DatabaseConnection): Queries {
  const reached = queries.withTables();
  connections.set(reached, connection);
  return reached;
}

/** {@link PreparedQuery.later} for a statement that is put together elsewhere. */
export async function executeLater(queries: Queries, query: CompiledQuery): Promise<void> {
  const connection = connections.get(queries);
  if (connection !== undefined && isPatient(connection)) connection.executeLater(query);
  else await queries.executeQuery(query);
}

/**
 * A query of one shape, with values that are given at each run: building and compiling one costs several times what
 * SQLite needs to carry it out.
 */
export class PreparedQuery<Values extends object, Row> {
  readonly #build: (queries: Queries, values: Values) => Compilable<Row>;
  /** By database: each has a spelling of its own. */
  readonly #prepared = new WeakMap<object, Prepared>();

  /** `build` gets placeholders: it may hand them on, and must neither look at them nor reckon with them. */
  constructor(build: (queries: Queries, values: Values) => Compilable<Row>) {
    this.#build = build;
  }

  first(queries: Queries, values: Values): Promise<Row | undefined> {
    return this.#execute(queries, values, true, firstRow);
  }

  all(queries: Queries, values: Values): Promise<Row[]> {
    return this.#execute(queries, values, false, allRows);
  }

  /** Inserts, updates or deletes; returns how many rows that changed. */
  run(queries: Queries, values: Values): Promise<number> {
    return this.#execute(queries, values, false, changedRows);
  }

  /**
   * Like {@link run}, inside a transaction, for what nothing else in it decides by: it is carried out in its order, but
   * need not be waited for before the commit. When it fails, so does what comes after it, at the latest the commit.
   */
  later(queries: Queries, values: Values): Promise<void> {
    const connection = connections.get(queries);
    if (connection === undefined || !isPatient(connection)) {
      return this.#execute(queries, values, false, nothing);
    }
    const prepared = this.#prepare(queries);
    connection.executeLater({
      ...prepared.compiled,
      parameters: this.#parameters(prepared, values),
    });
    return Promise.resolve();
  }

  /** Makes no more promises than there have to be: each costs as much as some statements of SQLite's. */
  #execute<T>(
    queries: Queries,
    values: Values,
    first: boolean,
    read: (outcome: Outcome<Row>) => T,
  ): Promise<T> {
    try {
      const prepared = this.#prepare(queries);
      const parameters = this.#parameters(prepared, values);
      const connection = connections.get(queries);
      if (connection !== undefined && isPrompt(connection)) {
        const statement = { sql: prepared.compiled.sql, parameters };
        const atOnce = connection.executeAtOnce<Row>(statement, first);
        if (atOnce !== undefined) return Promise.resolve(read(atOnce));
      }
      const query = { ...prepared.compiled, parameters };
      const execute = (one: DatabaseConnection) => one.executeQuery<Row>(query);
      return (
        connection === undefined
          ? queries.getExecutor().provideConnection(execute)
          : execute(connection)
      ).then((result) => read(outcomeOf(result)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #prepare(queries: Queries): Prepared {
    const { adapter } = queries.getExecutor();
    const known = this.#prepared.get(adapter);
    if (known !== undefined) return known;
    // The one place where placeholders pass for values.
    const compiled = this.#build(queries, placeholders as Values).compile();
    const names = compiled.parameters.map((one) =>
      one instanceof Placeholder ? one.name : undefined,
    );
    const prepared = { compiled, names };
    this.#prepared.set(adapter, prepared);
    return prepared;
  }

  #parameters({ compiled, names }: Prepared, values: Values): readonly unknown[] {
    const given = values as Readonly<Record<string, unknown>>;
    return names.map((name, at) => (name === undefined ? compiled.parameters[at] : given[name]));
  }
}

function firstRow<Row>({ rows }: Outcome<Row>): Row | undefined {
  return rows[0];
}

function allRows<Row>({ rows }: Outcome<Row>): Row[] {
  return [...rows];
}

function changedRows({ changed }: Outcome<unknown>): number {
  return changed;
}

function nothing(): void {}

function isPatient(connection: DatabaseConnection): connection is PatientConnection {
  return 'executeLater' in connection;
}

function isPrompt(connection: DatabaseConnection): connection is PromptConnection {
  return 'executeAtOnce' in connection;
}

const memberNames = new Map<string, string>();

/** What a column is called in the schema. */
export function memberName(column: string): string {
  let name = memberNames.get(column);
  if (name === undefined) {
    name = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    memberNames.set(column, name);
  }
  return name;
}

function outcomeOf<Row>({ rows, numAffectedRows = 0n }: QueryResult<Row>): Outcome<Row> {
  return { rows: rows.map((row) => named(row)), changed: Number(numAffectedRows) };
}

function named<Row>(row: Row): Row {
  const result: Record<string, unknown> = {};
  const columns = row as Record<string, unknown>;
  for (const column in columns) result[memberName(column)] = columns[column];
  return result as Row;
}
