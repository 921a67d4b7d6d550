import { sql } from 'kysely';
import type { Queries } from '../sql-database.js';

/** Questions, grants, codes, refresh tokens and the ledger of what was issued. */
export async function delegation({ schema }: Queries): Promise<void> {
  await schema
    .createTable('pending_decisions')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('delegate', 'text')
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('question', 'text', (column) => column.notNull())
    .addColumn('redirect_uri', 'text', (column) => column.notNull())
    .addColumn('state', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('claimed_by', 'text', (column) => column.references('users.id'))
    .addColumn('claimed_at', 'bigint')
    .addColumn('outcome', 'text', (column) => column.check(sql`outcome in ('granted', 'denied')`))
    .addColumn('decided_at', 'bigint')
    .addColumn('delivered_at', 'bigint')
    .execute();
  await schema
    .createIndex('pending_decisions_agent')
    .on('pending_decisions')
    .columns(['agent', 'expires_at'])
    .execute();
  await schema
    .createIndex('pending_decisions_expiry')
    .on('pending_decisions')
    .column('expires_at')
    .execute();

  await schema
    .createTable('grants')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.references('users.id'))
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('delegate', 'text')
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute();
  // coalesce, because a unique index takes two nulls for different values
  await schema
    .createIndex('grants_one_active')
    .unique()
    .on('grants')
    .expression(sql`agent, audience, coalesce(user_id, ''), coalesce(delegate, '')`)
    .where(sql.ref('revoked_at'), 'is', null)
    .execute();
  await schema.createIndex('grants_user').on('grants').column('user_id').execute();

  await schema
    .createTable('codes')
    .addColumn('code_hash', 'text', (column) => column.primaryKey())
    .addColumn('pending_id_hash', 'text', (column) =>
      column.notNull().references('pending_decisions.id_hash').onDelete('cascade'),
    )
    .addColumn('grant_id', 'text', (column) => column.notNull().references('grants.id'))
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id'))
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('delegate', 'text')
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('claims', 'text', (column) => column.notNull())
    .addColumn('redirect_uri', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('redeemed_at', 'bigint')
    .addColumn('refresh_token_hash', 'text')
    .execute();
  await schema.createIndex('codes_pending').on('codes').column('pending_id_hash').execute();
  await schema.createIndex('codes_grant').on('codes').column('grant_id').execute();
  await schema.createIndex('codes_user').on('codes').column('user_id').execute();
  await schema.createIndex('codes_expiry').on('codes').column('expires_at').execute();

  await schema
    .createTable('refresh_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('grant_id', 'text', (column) => column.notNull().references('grants.id'))
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('delegate', 'text')
    .addColumn('subject', 'text')
    .addColumn('user_id', 'text', (column) => column.references('users.id'))
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('claims', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute();
  await schema
    .createIndex('refresh_tokens_grant')
    .on('refresh_tokens')
    .column('grant_id')
    .execute();
  await schema.createIndex('refresh_tokens_user').on('refresh_tokens').column('user_id').execute();
  await schema
    .createIndex('refresh_tokens_age')
    .on('refresh_tokens')
    .column('created_at')
    .execute();

  await schema
    .createTable('issued_tokens')
    .addColumn('jti', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('delegate', 'text')
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('subject', 'text')
    .addColumn('grant_id', 'text', (column) => column.references('grants.id'))
    .addColumn('parent_jti', 'text')
    .addColumn('issued_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('issued_tokens_expiry')
    .on('issued_tokens')
    .column('expires_at')
    .execute();
}
