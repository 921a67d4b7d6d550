import type { PostgresPool } from '../postgres.js';
import { type InteractionStore, SWEEP_BATCH, SWEEP_SECONDS } from './interaction-store.js';

const SCHEMA = [
  `create table if not exists interaction_record (
     record_key text primary key, kind text not null, owner text not null, value text not null,
     expires_at bigint not null)`,
  'create index if not exists interaction_record_owner on interaction_record (kind, owner, expires_at)',
  'create index if not exists interaction_record_expiry on interaction_record (expires_at)',
];

/** Any number will do as long as nobody else locks it: replicas that start at once make the table one after another. */
const SCHEMA_LOCK = 7_305_226_129;

/**
 * An interaction store in PostgreSQL, shared by any number of processes. Makes its table `interaction_record` when
 * absent. Inserts at the same moment may exceed a limit by their number. Rejects as the pool does when the database
 * cannot be reached.
 */
export async function postgresInteractionStore(pool: PostgresPool): Promise<InteractionStore> {
  await pool.query(
    `do $$ begin perform pg_advisory_xact_lock(${SCHEMA_LOCK}); ${SCHEMA.join('; ')}; end $$`,
  );
  let sweptAt = -Infinity;
  const changes = async (text: string, values: unknown[]): Promise<boolean> =>
    (await pool.query(text, values)).rowCount === 1;
  return {
    async put({ key, kind, owner, value, expiresAt }, { perOwner, total }, now) {
      if (now - sweptAt >= SWEEP_SECONDS) {
        sweptAt = now;
        await pool.query(
          `delete from interaction_record where record_key in
           (select record_key from interaction_record where expires_at <= $1 limit $2)`,
          [now, SWEEP_BATCH],
        );
      }
      return await changes(
        `insert into interaction_record (record_key, kind, owner, value, expires_at)
         select $1::text, $2::text, $3::text, $4::text, $5::bigint
         where (select count(*) from interaction_record
                where kind = $2 and owner = $3 and expires_at > $6 and record_key <> $1) < $7
           and (select count(*) from interaction_record
                where kind = $2 and expires_at > $6 and record_key <> $1) < $8
         on conflict (record_key) do update set kind = excluded.kind, owner = excluded.owner,
           value = excluded.value, expires_at = excluded.expires_at`,
        [key, kind, owner, value, expiresAt, now, perOwner, total],
      );
    },
    async find(key, now) {
      const { rows } = await pool.query(
        'select value from interaction_record where record_key = $1 and expires_at > $2',
        [key, now],
      );
      const value = rows[0]?.['value'];
      return typeof value === 'string' ? value : undefined;
    },
    replace: (key, expected, next, now) =>
      changes(
        `update interaction_record set value = $3
         where record_key = $1 and value = $2 and expires_at > $4`,
        [key, expected, next, now],
      ),
    take: (key, expected, now) =>
      changes(
        'delete from interaction_record where record_key = $1 and value = $2 and expires_at > $3',
        [key, expected, now],
      ),
  };
}
