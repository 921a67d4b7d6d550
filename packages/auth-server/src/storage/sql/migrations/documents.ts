import { sql } from 'kysely';
import type { Queries } from '../sql-database.js';

/**
 * Approvals of an Auth Request Document: each is a grant of its own, beside the one without a document, and may end by
 * itself; codes and refresh tokens carry that end and the key that tokens are encrypted to.
 */
export async function documents({ schema }: Queries): Promise<void> {
  // One column at a time: SQLite alters no other way.
  await schema.alterTable('grants').addColumn('document_hash', 'text').execute();
  await schema.alterTable('grants').addColumn('purpose', 'text').execute();
  await schema.alterTable('grants').addColumn('ends_at', 'bigint').execute();
  await schema.alterTable('codes').addColumn('access_ends_at', 'bigint').execute();
  await schema.alterTable('codes').addColumn('encryption_jwk', 'text').execute();
  await schema.alterTable('refresh_tokens').addColumn('access_ends_at', 'bigint').execute();
  await schema.alterTable('refresh_tokens').addColumn('encryption_jwk', 'text').execute();

  await schema.dropIndex('grants_one_active').execute();
  await schema
    .createIndex('grants_one_active')
    .unique()
    .on('grants')
    .expression(
      sql`agent, audience, coalesce(user_id, ''), coalesce(delegate, ''), coalesce(document_hash, '')`,
    )
    .where(sql.ref('revoked_at'), 'is', null)
    .execute();
  await schema
    .createIndex('grants_end')
    .on('grants')
    .column('ends_at')
    .where(sql.ref('revoked_at'), 'is', null)
    .execute();
}
