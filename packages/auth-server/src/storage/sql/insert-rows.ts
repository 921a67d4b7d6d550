import { CompiledQuery } from 'kysely';
import type { Queries } from './sql-database.js';

type Value = string | number;

/**
 * Inserts rows by a statement that is put together here: the builder takes ten times as long for a few hundred rows as the
 * database does. Names are the database's own.
 */
export async function insertRows(
  queries: Queries,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const tuples = rows.map((row, index) => {
    const first = index * columns.length + 1;
    return `(${row.map((_value, at) => `$${first + at}`).join(', ')})`;
  });
  const statement = `insert into ${table} (${columns.join(', ')}) values ${tuples.join(', ')}`;
  await queries.executeQuery(CompiledQuery.raw(statement, rows.flat()));
}

/** Deletes the rows with these values in a column; see {@link insertRows}. */
export async function deleteRows(
  queries: Queries,
  table: string,
  column: string,
  values: readonly Value[],
): Promise<void> {
  const places = values.map((_value, index) => `$${index + 1}`);
  const statement = `delete from ${table} where ${column} in (${places.join(', ')})`;
  await queries.executeQuery(CompiledQuery.raw(statement, [...values]));
}
