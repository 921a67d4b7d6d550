import { AAuthError, isAAuthError } from '@countersign/protocol';
import { StorageError } from './storage/index.js';

/** Any error as one of ours: a storage that fails is 503, anything unknown is our own fault and 500. */
export function asAAuthError(error: unknown): AAuthError {
  if (isAAuthError(error)) return error;
  if (error instanceof StorageError) {
    return new AAuthError(
      'temporarily_unavailable',
      'The server cannot reach its storage; try again shortly.',
      { rule: 'storage_unavailable', cause: error, retryAfterSeconds: 5 },
    );
  }
  return new AAuthError('server_error', 'The server made a mistake.', { cause: error });
}
