import { CamelCasePlugin, Kysely, sql } from 'kysely';
import { createRequire } from 'node:module';
import type Pg from 'pg';
import { StorageConfigurationError } from '../storage-error.js';
import type { PoolUse } from '../health.js';
import type { DatabaseLimits, OpenDatabase } from '../open-database.js';
import { PreparedQuery, reachThrough } from '../sql/prepared-query.js';
import type { Schema } from '../sql/schema.js';
import { SqlDatabase } from '../sql/sql-database.js';
import type { SqlEngine } from '../sql/sql-engine.js';
import { GatheringConnection } from './gathering-connection.js';
import { postgresDialect } from './postgres-dialect.js';
import { asConfigurationError, gaveWay, isMissingTable } from './postgres-failure.js';
import { type PostgresAddress, readPostgresUrl } from './postgres-url.js';

type Limits = Required<DatabaseLimits>;

const DEFAULTS: Limits = {
  lockTimeoutMilliseconds: 5_000,
  poolSize: 10,
  connectTimeoutMilliseconds: 5_000,
  statementTimeoutMilliseconds: 10_000,
};

/** Whatever comes after it is carried out once it is held. */
const holdName = new PreparedQuery((queries, { name }: { name: string }) =>
  queries.selectNoFrom(sql`pg_advisory_xact_lock(hashtextextended(${name}, 0))`.as('held')),
);

const engine: SqlEngine = {
  dialect: 'postgres',
  holdName: (queries, name) => holdName.later(queries, { name }),
  gaveWay,
  isMissingTable,
};

/** Added to the server's own limit before an answer is given up that never comes, because the network is gone. */
const SILENCE_MILLISECONDS = 2_000;
const IDLE_MILLISECONDS = 30_000;
const KEEP_ALIVE_MILLISECONDS = 10_000;
const INT8 = 20;

/**
 * A pool of connections to the server that `url` names. Throws a `StorageConfigurationError` when the driver is
 * not installed or the URL cannot be read; connects at the first query.
 */
export function openPostgresDatabase(url: string, given: DatabaseLimits): OpenDatabase {
  const address = readPostgresUrl(url);
  const driver = loadDriver();
  const limits: Limits = { ...DEFAULTS, ...given, ...address.limits };
  const open = (chosen: Limits): SqlDatabase => {
    const pool = connect(driver, address, chosen);
    const queries = new Kysely<Schema>({
      dialect: postgresDialect(pool),
      plugins: [new CamelCasePlugin()],
    });
    const poolUse = (): PoolUse => ({
      open: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    });
    const gathered = reachThrough(queries, new GatheringConnection(queries));
    return new SqlDatabase(queries, { ...engine, gathered, poolUse });
  };
  return {
    database: open(limits),
    unhurried: async (work) => {
      const unlimited = {
        poolSize: 1,
        lockTimeoutMilliseconds: 0,
        statementTimeoutMilliseconds: 0,
      };
      const database = open({ ...limits, ...unlimited });
      try {
        await database.read(checkEncoding);
        return await work(database);
      } finally {
        await database.close();
      }
    },
    explain: asConfigurationError,
  };
}

/** Only when it is needed: it is an optional peer. */
function loadDriver(): typeof Pg {
  try {
    return createRequire(import.meta.url)('pg') as typeof Pg;
  } catch (cause) {
    throw new StorageConfigurationError(
      'A PostgreSQL database needs the package pg beside this one: npm install pg@8',
      { cause },
    );
  }
}

function connect({ Pool, types }: typeof Pg, address: PostgresAddress, limits: Limits): Pg.Pool {
  const { statementTimeoutMilliseconds: statement } = limits;
  return new Pool({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    ssl: address.tls,
    application_name: address.applicationName ?? 'countersign',
    max: limits.poolSize,
    connectionTimeoutMillis: limits.connectTimeoutMilliseconds,
    idleTimeoutMillis: IDLE_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
    statement_timeout: statement,
    // A process that hangs in the middle of a transaction must not hold what the others wait for.
    idle_in_transaction_session_timeout: statement,
    lock_timeout: limits.lockTimeoutMilliseconds,
    ...(statement === 0 ? {} : { query_timeout: statement + SILENCE_MILLISECONDS }),
    types: {
      getTypeParser: (type: number, format?: 'text' | 'binary') =>
        type === INT8 ? Number : (types.getTypeParser(type, format) as (value: string) => unknown),
    },
  });
}

async function checkEncoding(queries: Kysely<Schema>): Promise<void> {
  const query = sql<{ encoding: string }>`select current_setting('server_encoding') as encoding`;
  const encoding = (await query.execute(queries)).rows[0]?.encoding;
  if (encoding === 'UTF8') return;
  throw new StorageConfigurationError(
    `The database has the encoding ${encoding}: create one with the encoding UTF8.`,
  );
}
