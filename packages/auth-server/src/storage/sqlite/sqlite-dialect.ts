import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/** One for all, by which prepared queries know their spelling. */
const adapter = new SqliteAdapter();

/** kysely's SQLite dialect over the one connection there is. Transactions are somebody else's business: {@link GroupCommit}. */
export function sqliteDialect(connection: DatabaseConnection, close: () => Promise<void>): Dialect {
  const driver: Driver = {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => undefined,
    destroy: close,
  };
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => adapter,
    createIntrospector: (database) => new SqliteIntrospector(database),
  };
}

async function refuse(): Promise<void> {
  throw new Error('transactions are shared: use SqlDatabase.write');
}
