import type { PostgresPool } from '../postgres.js';
import {
  RATE_LIMIT_SECONDS,
  type RateLimitCapacity,
  type RateLimitPart,
  type RateLimitStore,
} from './rate-limit-store.js';

const SCHEMA = [
  `create table if not exists rate_limit_counter (
     counter_key text primary key, part text not null, used integer not null, most integer not null,
     ends_at bigint not null)`,
  'create index if not exists rate_limit_counter_end on rate_limit_counter (ends_at, part)',
];

/** Any number will do as long as nobody else locks it: replicas that start at once make the table one after another. */
const SCHEMA_LOCK = 7_305_226_129;

/**
 * $1 keys, $2 parts, $3 limits, $4 now, $5 full parts. One statement: what `standing` sees may be a moment old, but the
 * update looks at the row it has locked, so that no counter ever passes its limit. Of requests that race for the last
 * place, one that fits one counter and comes too late for another has spent its place in the first.
 */
const TAKE = `
  with wanted as (
    select * from unnest($1::text[], $2::text[], $3::integer[])
      with ordinality as one (counter_key, part, most, place)
  ), standing as (
    select wanted.*, held.used, held.ends_at from wanted left join rate_limit_counter held
      on held.counter_key = wanted.counter_key
      and held.ends_at > $4::bigint and held.ends_at <= $4::bigint + ${RATE_LIMIT_SECONDS}
  ), room as (
    select bool_and(coalesce(used, 0) < most and (used is not null or part <> all ($5::text[]))) as all_fit
    from standing
  ), taken as (
    insert into rate_limit_counter as held (counter_key, part, used, most, ends_at)
    select counter_key, part, 1, most, $4::bigint + ${RATE_LIMIT_SECONDS}
      from standing, room where all_fit order by place
    on conflict (counter_key) do update set
      used = case when held.ends_at > $4::bigint and held.ends_at <= excluded.ends_at then held.used + 1 else 1 end,
      ends_at = case when held.ends_at > $4::bigint and held.ends_at <= excluded.ends_at
        then held.ends_at else excluded.ends_at end,
      most = excluded.most
    where held.used < excluded.most or held.ends_at <= $4::bigint or held.ends_at > excluded.ends_at
    returning counter_key
  )
  select (select count(*) from taken) as taken,
    coalesce(max(ends_at) filter (where used >= most), max(ends_at)) - $4::bigint as wait
  from standing`;

const SWEEP_SECONDS = 5;
const SWEEP_BATCH = 20_000;

/**
 * Rate limits in PostgreSQL, shared by any number of processes, whose clocks should agree to a few seconds. Makes its
 * table `rate_limit_counter` when absent. How full a part is, is counted every five seconds: it may exceed its capacity
 * by what arrives in that time. Rejects as the pool does when the database cannot be reached.
 */
export async function postgresRateLimitStore(
  pool: PostgresPool,
  capacity: RateLimitCapacity = {},
): Promise<RateLimitStore> {
  const { maxStrangers = 100_000, maxAgents = 100_000 } = capacity;
  const limits: Readonly<Record<RateLimitPart, number>> = {
    strangers: maxStrangers,
    agents: maxAgents,
  };
  await pool.query(
    `do $$ begin perform pg_advisory_xact_lock(${SCHEMA_LOCK}); ${SCHEMA.join('; ')}; end $$`,
  );
  let full: readonly string[] = [];
  let sweptAt = -Infinity;

  const sweep = async (now: number): Promise<void> => {
    sweptAt = now;
    await pool.query(
      `delete from rate_limit_counter where counter_key in
       (select counter_key from rate_limit_counter where ends_at <= $1 limit $2 for update skip locked)`,
      [now, SWEEP_BATCH],
    );
    const { rows } = await pool.query(
      'select part, count(*) as used from rate_limit_counter where ends_at > $1 group by part',
      [now],
    );
    full = rows
      .map(({ part, used }) => ({ part: String(part), used: Number(used) }))
      .filter(({ part, used }) => used >= (limits[part as RateLimitPart] ?? 0))
      .map(({ part }) => part);
  };

  return {
    async take(counters, now) {
      if (now - sweptAt >= SWEEP_SECONDS || now < sweptAt) await sweep(now);
      const { rows } = await pool.query(TAKE, [
        counters.map(({ key }) => key),
        counters.map(({ part }) => part),
        counters.map(({ limit }) => limit),
        now,
        full,
      ]);
      const [row] = rows;
      if (Number(row?.['taken'] ?? 0) === counters.length) return { taken: true };
      const wait = Number(row?.['wait'] ?? RATE_LIMIT_SECONDS);
      return { taken: false, retryAfterSeconds: Math.min(Math.max(1, wait), RATE_LIMIT_SECONDS) };
    },
  };
}
