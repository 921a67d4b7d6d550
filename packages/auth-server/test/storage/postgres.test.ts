import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import {
  type PostgresServer,
  startPostgres,
} from '../../../resource/test/replay/postgres-server.js';
import { openStorage } from '../../src/storage/index.js';
import { createDatabase, type TestDatabase } from './postgres-database.js';
import { storageContract } from './storage-contract.js';

let server: PostgresServer;
let database: TestDatabase;
let admin: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  database = await createDatabase(server);
  await (await openStorage(database.url)).close();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
}, 60_000);

afterAll(async () => {
  await admin.end();
  await database.drop();
  await server.stop();
});

/** The tables stay and what is in them goes, which is quicker than a database for each test. */
async function empty(): Promise<void> {
  await admin.query(`do $$ declare name text; begin
    set local session_replication_role = replica;
    for name in select tablename from pg_tables
      where schemaname = 'public' and tablename <> 'schema_migrations'
    loop execute format('delete from %I', name); end loop; end $$`);
}

storageContract('PostgreSQL', async () => {
  await empty();
  // Generous, since a hundred at once may have to wait for one another on a busy machine.
  const limits = { connectTimeoutMilliseconds: 20_000, lockTimeoutMilliseconds: 20_000 };
  return {
    connect: () => openStorage(database.url, limits),
    run: async (statements) => {
      await admin.query(statements);
    },
    tamper: async (statements) => {
      await admin.query(
        `begin; set local session_replication_role = replica; ${statements}; commit`,
      );
    },
    remove: async () => undefined,
  };
});
