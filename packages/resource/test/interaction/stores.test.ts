import { memoryInteractionStore } from '@countersign/resource';
import { postgresInteractionStore } from '@countersign/resource/postgres';
import { type SqliteInteractionStore, sqliteInteractionStore } from '@countersign/resource/sqlite';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../replay/postgres-server.js';
import { call, makeCalendar, visit } from './kit.js';
import { interactionStoreContract, NOW, record, ROOM } from './store-contract.js';

describe('the interaction store in memory', () => {
  interactionStoreContract(async () => memoryInteractionStore());
});

describe('the interaction store in SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interaction-'));
  const open: SqliteInteractionStore[] = [];
  let files = 0;
  const opened = (file: string) => {
    const store = sqliteInteractionStore(file);
    open.push(store);
    return store;
  };
  afterAll(() => {
    for (const store of open) store.close();
    rmSync(folder, { recursive: true });
  });

  interactionStoreContract(async () => opened(join(folder, `contract-${(files += 1)}.db`)));

  it('has forgotten nothing after a restart, and nothing that was taken comes back', async () => {
    const file = join(folder, 'restart.db');
    const before = sqliteInteractionStore(file);
    await before.put(record('one'), ROOM, NOW);
    await before.put(record('two'), ROOM, NOW);
    await before.take('two', 'value of two', NOW);
    before.close();
    const after = opened(file);
    expect(await after.find('one', NOW)).toBe('value of one');
    expect(await after.find('two', NOW)).toBeUndefined();
  });

  it('has one winner among processes on the same file', async () => {
    const file = join(folder, 'shared.db');
    const stores = [opened(file), opened(file)];
    await stores[0]?.put(record('one'), ROOM, NOW);
    const taken = await Promise.all(
      Array.from({ length: 50 }, (_, at) => stores[at % 2]?.take('one', 'value of one', NOW)),
    );
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('sweeps what has expired', async () => {
    const file = join(folder, 'sweep.db');
    const store = opened(file);
    for (let at = 0; at < 20; at++) await store.put(record(`old ${at}`), ROOM, NOW);
    await store.put(record('new', { expiresAt: NOW + 2000 }), ROOM, NOW + 1000);
    // A second owner of the file sees what is really there.
    const { default: Libsql } = await import('libsql');
    const database = new Libsql(file);
    const row: unknown = database.prepare('select count(*) as n from interaction_record').get();
    database.close();
    expect(row).toMatchObject({ n: 1 });
  });

  it('holds nothing that could be read: no code, session, token, agent or address', async () => {
    const file = join(folder, 'sealed.db');
    const store = opened(file);
    const api = await makeCalendar({ interactions: { store } });
    const code = await visit(api, await call(api, api.agent));
    const response = await call(api, api.agent, { code });
    expect(await response.text()).toBe('downstream-1');
    const session = response.headers.get('interaction-session') ?? 'none';
    const bytes = readFileSync(file, 'latin1') + readFileSync(`${file}-wal`, 'latin1');
    expect(bytes).toContain('connection:');
    const [{ state } = { state: '' }] = api.begun;
    for (const secret of [code, session, state, 'downstream-1', 'verifier', '/callback']) {
      expect(bytes).not.toContain(secret);
    }
  });

  it('makes its file readable by its owner alone', () => {
    const file = join(folder, 'mode.db');
    opened(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('names the file that cannot be used', () => {
    expect(() => sqliteInteractionStore(join(folder, 'missing', 'i.db'))).toThrow(
      /interaction file cannot be used: .*missing/,
    );
  });
});

describe('the interaction store in PostgreSQL', () => {
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

  interactionStoreContract(async () => {
    await pool.query('drop table if exists interaction_record');
    return await postgresInteractionStore(pool);
  });

  it('can be opened by several processes at once, which then share it', async () => {
    await pool.query('drop table if exists interaction_record');
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => postgresInteractionStore(pool)),
    );
    await stores[0]?.put(record('one'), ROOM, NOW);
    const taken = await Promise.all(stores.map((one) => one.take('one', 'value of one', NOW)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
});
