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
});

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
  return { connect: () => openStorage(database.url), remove: async () => undefined };
});
