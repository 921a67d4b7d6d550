import { sql } from 'kysely';
import type { Queries } from '../sql-database.js';
import type { Dialect } from '../sql-engine.js';

/**
 * The audit trail: what has been recorded, what has been chained, and where the chain begins once older entries were
 * pruned. The database refuses to change the last two, except to delete what was pruned.
 */
export async function audit(queries: Queries, dialect: Dialect): Promise<void> {
  const { schema } = queries;
  await schema
    .createTable('audit_pending')
    // Counts up by itself in both; an identity needs no right to a sequence.
    .addColumn('id', dialect === 'sqlite' ? 'integer' : 'bigint', (column) =>
      dialect === 'sqlite'
        ? column.primaryKey()
        : column.primaryKey().generatedByDefaultAsIdentity(),
    )
    .addColumn('text', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('audit_entries')
    .addColumn('sequence', 'bigint', (column) => column.primaryKey())
    .addColumn('recorded_at', 'bigint', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('audit_entries_time')
    .on('audit_entries')
    .columns(['recorded_at', 'sequence'])
    .execute();
  await schema
    .createTable('audit_starts')
    .addColumn('sequence', 'bigint', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('pruned_at', 'bigint', (column) => column.notNull())
    .execute();
  for (const statement of dialect === 'sqlite' ? SQLITE_GUARDS : POSTGRES_GUARDS) {
    await sql.raw(statement).execute(queries);
  }
}

const REFUSAL = 'the audit trail is never changed';

const SQLITE_GUARDS = [
  `create trigger audit_entries_no_update before update on audit_entries
   begin select raise(abort, '${REFUSAL}'); end`,
  `create trigger audit_entries_no_delete before delete on audit_entries
   when not exists (select 1 from audit_starts where sequence >= old.sequence)
   begin select raise(abort, '${REFUSAL}'); end`,
  `create trigger audit_pending_no_update before update on audit_pending
   begin select raise(abort, '${REFUSAL}'); end`,
  `create trigger audit_starts_no_update before update on audit_starts
   begin select raise(abort, '${REFUSAL}'); end`,
  `create trigger audit_starts_no_delete before delete on audit_starts
   begin select raise(abort, '${REFUSAL}'); end`,
];

const POSTGRES_GUARDS = [
  `create function refuse_audit_change() returns trigger language plpgsql as $$
   begin raise exception '${REFUSAL}'; end $$`,
  `create function refuse_audit_delete() returns trigger language plpgsql as $$
   begin
     if exists (select 1 from audit_starts where sequence >= old.sequence) then return old; end if;
     raise exception '${REFUSAL}';
   end $$`,
  `create trigger audit_entries_no_update before update on audit_entries
   for each row execute function refuse_audit_change()`,
  `create trigger audit_entries_no_delete before delete on audit_entries
   for each row execute function refuse_audit_delete()`,
  `create trigger audit_entries_no_truncate before truncate on audit_entries
   for each statement execute function refuse_audit_change()`,
  `create trigger audit_pending_no_update before update on audit_pending
   for each row execute function refuse_audit_change()`,
  `create trigger audit_starts_no_change before update or delete on audit_starts
   for each row execute function refuse_audit_change()`,
  `create trigger audit_starts_no_truncate before truncate on audit_starts
   for each statement execute function refuse_audit_change()`,
];
