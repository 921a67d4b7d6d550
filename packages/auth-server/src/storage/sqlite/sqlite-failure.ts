/**
 * The code, such as `SQLITE_NOTADB`, of an error that SQLite's library has thrown; `undefined` for any other. Told by its
 * name, since a server that keeps nothing in SQLite never loads the library.
 */
export function sqliteFailure(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'SqliteError') return undefined;
  return 'code' in error ? String(error.code) : '';
}

/** True for SQLite's "somebody else has the lock", in all its variants. */
export function isBusy(error: unknown): boolean {
  return sqliteFailure(error)?.startsWith('SQLITE_BUSY') === true;
}
