import { boundedReplayStore, type ReplayLimits, type ReplayStore } from '@countersign/protocol';

export { postgresRateLimitStore } from './rate-limits/postgres.js';
export { postgresInteractionStore } from './interaction/postgres-interaction-store.js';

/** The part of a `pg` pool that is used: pass a `Pool`. */
export interface PostgresPool {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}

const SCHEMA = [
  `create table if not exists replay_entry (
     entry_key text primary key, owner text not null, expires_at bigint not null)`,
  'create index if not exists replay_entry_owner on replay_entry (owner, expires_at)',
  'create index if not exists replay_entry_expiry on replay_entry (expires_at)',
];

/** Any number will do as long as nobody else locks it: replicas that start at once make the table one after another. */
const SCHEMA_LOCK = 7_305_226_128;

/**
 * A replay store in PostgreSQL, shared by any number of processes. Makes its table `replay_entry` when absent.
 * Rejects as the pool does when the database cannot be reached.
 */
export async function postgresReplayStore(
  pool: PostgresPool,
  limits: ReplayLimits = {},
): Promise<ReplayStore> {
  await pool.query(
    `do $$ begin perform pg_advisory_xact_lock(${SCHEMA_LOCK}); ${SCHEMA.join('; ')}; end $$`,
  );
  return boundedReplayStore(
    {
      insert: async ({ key, owner, expiresAt }, now) => {
        const { rowCount } = await pool.query(
          `insert into replay_entry (entry_key, owner, expires_at) values ($1, $2, $3)
           on conflict (entry_key) do update set owner = excluded.owner, expires_at = excluded.expires_at
           where replay_entry.expires_at <= $4`,
          [key, owner, expiresAt, now],
        );
        return rowCount === 1;
      },
      count: async (owner, now) => {
        const { rows } =
          owner === 'identities'
            ? await pool.query(
                `select count(*) as used from replay_entry where owner > '' and expires_at > $1`,
                [now],
              )
            : await pool.query(
                'select count(*) as used from replay_entry where owner = $1 and expires_at > $2',
                [owner, now],
              );
        return Number(rows[0]?.['used'] ?? 0);
      },
      deleteExpired: async (now, batch) => {
        await pool.query(
          `delete from replay_entry where entry_key in
           (select entry_key from replay_entry where expires_at <= $1 limit $2)`,
          [now, batch],
        );
      },
    },
    limits,
  );
}
