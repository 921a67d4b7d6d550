import type { AAuthError } from '@countersign/protocol';
import type { Observer } from './observer.js';
import type { RequestScope } from './request-scope.js';
import type { ServerEvent } from './server-event.js';

/** An event that nobody has been told yet. */
type Unnamed = ServerEvent & { requestId?: string };

/** Tells of an event. */
export type Emit = (event: ServerEvent) => void;

/** Tells of an event, and of the request that caused it where one did. */
export type EmitOf = (event: ServerEvent, scope?: RequestScope) => void;

/**
 * Gives events the id of the request that caused them, and lets no fault of the observer through. The id is written into
 * the event, which whoever tells of it has made for that: a copy of each would cost more than all else that is done with it.
 */
export function emitter(onEvent: Observer['onEvent']): EmitOf {
  return (event: Unnamed, scope) => {
    try {
      if (scope?.requestId !== undefined) event.requestId = scope.requestId;
      onEvent(event);
    } catch {
      // The request is answered all the same.
    }
  };
}

/** Tells of a refusal, and of a replay beside it. */
export function emitRefusal(emit: Emit, { code, rule, detail, requestId }: AAuthError): void {
  const of = requestId === undefined ? {} : { requestId };
  emit({
    type: 'request-refused',
    ...of,
    code,
    ...(rule === undefined ? {} : { rule }),
    ...(detail === undefined ? {} : { detail }),
  });
  if (rule === 'replayed') emit({ type: 'replay-refused', ...of });
}
