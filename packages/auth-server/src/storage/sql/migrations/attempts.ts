import type { Queries } from '../sql-database.js';

/** Failed sign-ins, and the addresses from which people have signed in. */
export async function attempts({ schema }: Queries): Promise<void> {
  await schema
    .createTable('sign_in_attempts')
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('attempted_at', 'bigint', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('sign_in_attempts_primary_key', ['account', 'address', 'attempted_at'])
    .execute();
  await schema
    .createIndex('sign_in_attempts_address')
    .on('sign_in_attempts')
    .columns(['address', 'attempted_at'])
    .execute();
  await schema
    .createIndex('sign_in_attempts_time')
    .on('sign_in_attempts')
    .column('attempted_at')
    .execute();

  await schema
    .createTable('sign_in_addresses')
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('last_sign_in_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('sign_in_addresses_primary_key', ['account', 'address'])
    .execute();
  await schema
    .createIndex('sign_in_addresses_time')
    .on('sign_in_addresses')
    .column('last_sign_in_at')
    .execute();
}
