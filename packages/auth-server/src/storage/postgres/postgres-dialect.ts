import {
  type DatabaseConnection,
  type DataTypeNode,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { StorageError } from '../storage-error.js';
import { PostgresConnection } from './postgres-connection.js';
import { asStorageFailure } from './postgres-failure.js';
import { StatementCache } from './statement-cache.js';

const LONGEST_GOODBYE_MILLISECONDS = 2_000;

/** Only where the operator has switched it off: what has been answered survives a crash of the server. */
const DURABLE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

/** kysely's PostgreSQL dialect over a pool whose connections may be lost at any time. */
export function postgresDialect(pool: Pool): Dialect {
  return {
    createDriver: () => new PoolDriver(pool),
    createQueryCompiler: () => new ByteOrderCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (database) => new PostgresIntrospector(database),
  };
}

/**
 * Text is compared byte by byte, as on SQLite: the order of rows and what an index holds do not depend on the locale
 * of the database, nor change with an update of the operating system.
 */
class ByteOrderCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node);
    if (node.dataType === 'text') this.append(' collate "C"');
  }
}

class PoolDriver implements Driver {
  readonly #pool: Pool;
  readonly #caches = new WeakMap<PoolClient, StatementCache>();
  readonly #connections = new WeakMap<DatabaseConnection, PostgresConnection>();

  constructor(pool: Pool) {
    this.#pool = pool;
    // A connection that is lost while nobody uses it leaves the pool by itself.
    pool.on('error', () => undefined);
    // Lost while somebody has it, from the first moment on: the server's goodbye may come with its welcome. The next query
    // says so.
    pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw asStorageFailure(error);
    }
    const cache = this.#caches.get(client) ?? (await this.#prepare(client));
    const connection = new PostgresConnection(client, cache);
    this.#connections.set(connection, connection);
    return connection;
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#own(connection).release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    this.#own(connection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#own(connection).commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#own(connection).rollback();
  }

  /** A server that no longer answers is not waited for. */
  async destroy(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_GOODBYE_MILLISECONDS);
    });
    await Promise.race([this.#pool.end(), longEnough]);
    clearTimeout(timer);
  }

  async #prepare(client: PoolClient): Promise<StatementCache> {
    try {
      await client.query(DURABLE);
    } catch (error) {
      client.release(true);
      throw asStorageFailure(error);
    }
    const cache = new StatementCache();
    this.#caches.set(client, cache);
    return cache;
  }

  #own(connection: DatabaseConnection): PostgresConnection {
    const own = this.#connections.get(connection);
    if (own === undefined) throw new StorageError('The connection is not one of this pool.');
    return own;
  }
}
