import { StorageConfigurationError, StorageError } from '../storage-error.js';

/** What the server says of an error (its SQLSTATE), and undefined when the error is not the server's. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Whether the connection is of no more use: it is lost, the server ends it, or it leads to a server that no longer takes
 * writes, which a new connection would not.
 */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || /^(?:08|57P|58|XX|25006$)/.test(state);
}

/** A broken constraint is a bug of ours, and stays what it is; everything else is a storage failure. */
export function asStorageFailure(error: unknown): unknown {
  if (sqlState(error)?.startsWith('23') === true || error instanceof StorageError) return error;
  return new StorageError('The database could not carry out the operation.', { cause: error });
}

/** A deadlock, and a transaction that would not have been serializable. */
const GAVE_WAY = new Set(['40P01', '40001']);
/** A table has another shape than when the statement was parsed, or the statement is gone. */
const OUTDATED = new Set(['0A000', '26000']);

/** Whether the transaction may well succeed when it is run again. */
export function gaveWay(error: unknown): boolean {
  return isOneOf(error, GAVE_WAY) || isOutdated(error);
}

/** Whether what the server had parsed and planned is of no more use; parsed anew, it will be. */
export function isOutdated(error: unknown): boolean {
  return isOneOf(error, OUTDATED);
}

function isOneOf(error: unknown, states: ReadonlySet<string>): boolean {
  return error instanceof StorageError && states.has(sqlState(error.cause) ?? '');
}

export function isMissingTable(error: unknown): boolean {
  return error instanceof StorageError && sqlState(error.cause) === '42P01';
}

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['28P01', 'The database server does not accept the user name or password.'],
  ['28000', 'The database server does not accept this user from here.'],
  ['3D000', 'There is no database of that name on the server: create it first.'],
  [
    '42501',
    'The user may not do that in the database: make it the owner of the database or schema.',
  ],
  ['3F000', 'The database has no schema in which tables could be made: see its search_path.'],
]);

const NO_TLS = 'The server does not support SSL connections';

/** While starting: the failures that stay until the operator changes something, with what to change. */
export function asConfigurationError(error: unknown): unknown {
  const cause = error instanceof StorageError ? error.cause : undefined;
  if (!(cause instanceof Error)) return error;
  const refused = REFUSED.get(sqlState(cause) ?? '') ?? tlsProblem(cause);
  return refused === undefined ? error : new StorageConfigurationError(refused, { cause });
}

function tlsProblem(cause: Error): string | undefined {
  if (cause.message === NO_TLS) {
    return (
      'The database server offers no TLS. Set it up there; or, where nobody can listen between here and there, ' +
      'add sslmode=disable to the URL.'
    );
  }
  const code = 'code' in cause ? String(cause.code) : '';
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code)) {
    return (
      `The certificate of the database server cannot be verified (${code}). ` +
      'Name the file with its CA in the URL: sslrootcert=FILE.'
    );
  }
  return undefined;
}
