/**
 * The store could not do what was asked: the disk is full or read-only, the file is locked for longer than the limit,
 * the store has been closed. Nothing of the operation was kept. Trying again later may succeed, so the HTTP layer
 * answers 503. `cause` is for the log and never for an answer.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/**
 * The store cannot be used until the operator changes something: a wrong URL, a missing directory, a database of a
 * newer version or of another issuer. Thrown while starting only; the message is written for the operator.
 */
export class StorageConfigurationError extends Error {
  override readonly name = 'StorageConfigurationError';
}
