import { StorageError } from '../storage/storage-error.js';
import { emitter } from './emitter.js';
import type { RequestScope } from './request-scope.js';
import type { StorageEvent } from './server-event.js';

/** Tells of the operations of a database. */
export interface StorageWatch {
  /** To be told how the operation ended: with the failure, if with one. */
  begin(kind: 'read' | 'write', scope?: RequestScope): (failure?: unknown) => void;
  closed(): void;
}

/** Tells of every operation, and once when the database goes away and when it is back. */
export function watchStorage(onEvent: (event: StorageEvent) => void): StorageWatch {
  const emit = emitter((event) => {
    onEvent(event as StorageEvent);
  });
  let failedAt: number | undefined;
  const note = (
    kind: 'read' | 'write',
    begun: number,
    failure: StorageError | undefined,
    scope: RequestScope | undefined,
  ): void => {
    const now = performance.now();
    const result = failure === undefined ? 'done' : 'failed';
    emit({ type: 'storage-operation', kind, result, durationMilliseconds: now - begun }, scope);
    if (failure !== undefined && failedAt === undefined) {
      failedAt = now;
      emit({ type: 'storage-failed', reason: reasonOf(failure) }, scope);
    } else if (failure === undefined && failedAt !== undefined) {
      emit({ type: 'storage-recovered', afterMilliseconds: now - failedAt }, scope);
      failedAt = undefined;
    }
  };
  return {
    begin: (kind, scope) => {
      const begun = performance.now();
      // Anything else says nothing of the database, which has answered.
      return (failure) => {
        note(kind, begun, failure instanceof StorageError ? failure : undefined, scope);
      };
    },
    closed: () => {
      emit({ type: 'storage-closed' });
    },
  };
}

/** The code and the message of whatever is below: neither repeats a statement's values. */
function reasonOf({ message, cause }: StorageError): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
