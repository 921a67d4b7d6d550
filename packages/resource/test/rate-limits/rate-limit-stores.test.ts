import { memoryRateLimitStore } from '@countersign/resource';
import { postgresRateLimitStore } from '@countersign/resource/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../replay/postgres-server.js';
import { rateLimitContract } from './rate-limit-contract.js';

const NOW = 1_768_786_030;
const one = (key: string, limit: number) => ({ key, limit, part: 'strangers' as const });

describe('rate limits in memory', () => {
  rateLimitContract(async (capacity) => memoryRateLimitStore(capacity));

  it('say when a full part has room for a new counter', async () => {
    const store = memoryRateLimitStore({ maxStrangers: 1 });
    await store.take([one('a', 9)], NOW);
    expect(await store.take([one('b', 9)], NOW + 20)).toEqual({
      taken: false,
      retryAfterSeconds: 40,
    });
  });
});

describe('rate limits in PostgreSQL', () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url, max: 8 });
    // The server says goodbye to connections that are being closed.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
  });
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  const emptied = () => pool.query('drop table if exists rate_limit_counter');

  rateLimitContract(async (capacity) => {
    await emptied();
    return await postgresRateLimitStore(pool, capacity);
  });

  it('are shared by replicas that start at once, down to the last request', async () => {
    await emptied();
    const replicas = await Promise.all(
      Array.from({ length: 4 }, () => postgresRateLimitStore(pool)),
    );
    const verdicts = await Promise.all(
      Array.from({ length: 80 }, (_, at) =>
        replicas[at % 4]?.take([one('all', 30), one(`key ${at % 10}`, 5)], NOW),
      ),
    );
    expect(verdicts.filter((verdict) => verdict?.taken)).toHaveLength(30);
    expect(await replicas[0]?.take([one('all', 30)], NOW)).toMatchObject({ taken: false });
  });

  it('are forgotten when their minute is over', async () => {
    await emptied();
    const store = await postgresRateLimitStore(pool);
    for (let at = 0; at < 5; at += 1) await store.take([one(`old ${at}`, 1)], NOW);
    await store.take([one('new', 1)], NOW + 61);
    const { rows } = await pool.query('select counter_key from rate_limit_counter');
    expect(rows).toEqual([{ counter_key: 'new' }]);
  });

  it('reject when the database does', async () => {
    await emptied();
    const store = await postgresRateLimitStore(pool);
    await emptied();
    await expect(store.take([one('a', 1)], NOW)).rejects.toThrow('rate_limit_counter');
  });
});
