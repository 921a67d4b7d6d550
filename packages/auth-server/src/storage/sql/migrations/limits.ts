import type { Queries } from '../sql-database.js';

/** Counters of limits that processes share, and what is asked about the denials of a person. */
export async function limits({ schema }: Queries): Promise<void> {
  await schema
    .createTable('limit_counters')
    .addColumn('counter_key', 'text', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .addColumn('used', 'integer', (column) => column.notNull())
    // Of the last claim: an upsert can return the new row only.
    .addColumn('granted', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('limit_counters_primary_key', ['counter_key', 'ends_at'])
    .execute();
  await schema.createIndex('limit_counters_end').on('limit_counters').column('ends_at').execute();
  await schema
    .createIndex('pending_decisions_claim')
    .on('pending_decisions')
    .columns(['claimed_by', 'agent'])
    .execute();
}
