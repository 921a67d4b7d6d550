import { CompiledQuery } from 'kysely';
import { executeLater } from './prepared-query.js';
import type { Queries } from './sql-database.js';

type Value = string | number;

/** Few different sizes, so that there are few different statements to prepare and keep. */
const SIZES = [128, 32, 8, 2, 1];

/**
 * Inserts rows by statements that are put together here: the builder takes ten times as long for a few hundred rows as the
 * database does. Names are the database's own. Inside a transaction, which nothing else in it decides by.
 */
export async function insertRows(
  queries: Queries,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const into = `insert into ${table} (${columns.join(', ')}) values`;
  for (const part of inParts(rows)) {
    const tuples = part.map((row, index) => `(${places(row.length, index * row.length)})`);
    await executeLater(queries, CompiledQuery.raw(`${into} ${tuples.join(', ')}`, part.flat()));
  }
}

/** Deletes the rows with these values in a column; see {@link insertRows}. */
export async function deleteRows(
  queries: Queries,
  table: string,
  column: string,
  values: readonly Value[],
): Promise<void> {
  const from = `delete from ${table} where ${column} in`;
  for (const part of inParts(values)) {
    await executeLater(queries, CompiledQuery.raw(`${from} (${places(part.length)})`, [...part]));
  }
}

function* inParts<T>(all: readonly T[]): Generator<readonly T[], void> {
  let done = 0;
  for (const size of SIZES) {
    for (; all.length - done >= size; done += size) yield all.slice(done, done + size);
  }
}

/** `$1, $2`, which both databases take. */
function places(count: number, before = 0): string {
  return Array.from({ length: count }, (_, index) => `$${before + index + 1}`).join(', ');
}
