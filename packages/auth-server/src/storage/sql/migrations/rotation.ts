import { sql } from 'kysely';
import type { Queries } from '../sql-database.js';

/** Signing keys that follow one another: each has the time from which it signs, in place of a state. */
export async function rotation(queries: Queries): Promise<void> {
  const { schema } = queries;
  await schema.dropIndex('signing_keys_one_active').execute();
  await schema
    .alterTable('signing_keys')
    .addColumn('active_from', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update signing_keys set active_from = created_at`.execute(queries);
  await schema.alterTable('signing_keys').dropColumn('state').execute();
}
