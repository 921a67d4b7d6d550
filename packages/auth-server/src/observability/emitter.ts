import type { AAuthError } from '@countersign/protocol';
import type { Observer } from './observer.js';
import type { RequestScope } from './request-scope.js';
import type { ServerEvent } from './server-event.js';

/** Tells of an event. */
export type Emit = (event: ServerEvent) => void;

/** Tells of an event, and of the request that caused it where one did. */
export type EmitOf = (event: ServerEvent, scope?: RequestScope) => void;

/** Gives events the id of the request that caused them, and lets no fault of the observer through. */
export function emitter(onEvent: Observer['onEvent']): EmitOf {
  return (event, scope) => {
    try {
      onEvent(scope?.requestId === undefined ? event : { ...event, requestId: scope.requestId });
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
