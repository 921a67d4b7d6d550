import { type ReplayStore } from '@countersign/protocol';
import { memoryReplayStore } from '@countersign/resource';
import { postgresReplayStore } from '@countersign/resource/postgres';
import { type SqliteReplayStore, sqliteReplayStore } from '@countersign/resource/sqlite';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from './postgres-server.js';
import { replayContract } from './replay-contract.js';

const NOW = 1_768_786_030;
const record = {
  key: 'one',
  owner: 'https://agent.example',
  created: NOW,
  expiresAt: NOW + 61,
};

describe('the replay store in memory', () => {
  replayContract(async (limits) =>
    memoryReplayStore({ ...limits, clock: () => NOW, nothingBeforeStart: true }),
  );

  it('refuses what may have been accepted before it started', async () => {
    const store = memoryReplayStore({ clock: () => NOW });
    const at = (created: number, key: string) => ({
      ...record,
      key,
      created,
      expiresAt: created + 61,
    });
    expect(await store.remember(at(NOW + 60, 'early'), NOW + 60)).toBe('before-start');
    expect(await store.remember(at(NOW + 61, 'late'), NOW + 61)).toBe('fresh');
  });
});

describe('the replay store in SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-replay-'));
  const open: SqliteReplayStore[] = [];
  let files = 0;
  const opened = (
    file: string,
    ...rest: Parameters<typeof sqliteReplayStore> extends [string, ...infer R] ? R : never
  ) => {
    const store = sqliteReplayStore(file, ...rest);
    open.push(store);
    return store;
  };
  afterAll(() => {
    for (const store of open) store.close();
    rmSync(folder, { recursive: true });
  });

  replayContract(async (limits) => opened(join(folder, `contract-${(files += 1)}.db`), limits));

  it('has not forgotten after a restart', async () => {
    const file = join(folder, 'restart.db');
    const before = sqliteReplayStore(file);
    expect(await before.remember(record, NOW)).toBe('fresh');
    before.close();
    expect(await opened(file).remember(record, NOW + 1)).toBe('replayed');
  });

  it('has one winner among processes on the same file', async () => {
    const file = join(folder, 'shared.db');
    const stores = [opened(file), opened(file)];
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, at) => stores[at % 2]?.remember(record, NOW)),
    );
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
  });

  it('makes its file readable by its owner alone', () => {
    const file = join(folder, 'mode.db');
    opened(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('names the file that cannot be used', () => {
    expect(() => sqliteReplayStore(join(folder, 'missing', 'replay.db'))).toThrow(
      /replay file cannot be used: .*missing/,
    );
  });
});

describe('the replay store in PostgreSQL', () => {
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

  replayContract(async (limits) => {
    await pool.query('drop table if exists replay_entry');
    return await postgresReplayStore(pool, limits);
  });

  it('can be opened by several processes at once, which then share it', async () => {
    await pool.query('drop table if exists replay_entry');
    const stores: ReplayStore[] = await Promise.all(
      Array.from({ length: 4 }, () => postgresReplayStore(pool)),
    );
    const verdicts = await Promise.all(stores.map((store) => store.remember(record, NOW)));
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
  });
});
