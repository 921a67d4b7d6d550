import type { Queries } from '../sql-database.js';

/** Requests that have been accepted and must not be accepted again while they are fresh. */
export async function replay({ schema }: Queries): Promise<void> {
  await schema
    .createTable('replay_entries')
    .addColumn('entry_key', 'text', (column) => column.primaryKey().notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('replay_entries_owner')
    .on('replay_entries')
    .columns(['owner', 'expires_at'])
    .execute();
  await schema
    .createIndex('replay_entries_expiry')
    .on('replay_entries')
    .column('expires_at')
    .execute();
}
