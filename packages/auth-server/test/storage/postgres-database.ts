import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { PostgresServer } from '../../../resource/test/replay/postgres-server.js';

/** A database of its own on a server, made empty or with the tables of another. */
export interface TestDatabase {
  readonly url: string;
  /** What is in it, or anything else, in SQL. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

export async function createDatabase(
  server: PostgresServer,
  options = "encoding 'UTF8' template template0",
): Promise<TestDatabase> {
  const name = `countersign_test_${randomUUID().replaceAll('-', '')}`;
  await execute(server.url, `create database ${name} ${options}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    query: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      await execute<Row>(url.href, sql, values),
    drop: async () => {
      await execute(server.url, `drop database if exists ${name} with (force)`);
    },
  };
}

/** One statement on a connection of its own. */
export async function execute<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
