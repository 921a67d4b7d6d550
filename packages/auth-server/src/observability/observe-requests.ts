import type { TextAnswer } from '@countersign/protocol';
import type { Connection } from '../connection.js';
import type { EmitOf } from './emitter.js';
import type { Observer } from './observer.js';
import type { RequestScope } from './request-scope.js';
import type { EndpointName, RequestFinished, RequestOutcome } from './server-event.js';

/** What watching a request needs. */
export interface RequestWatch {
  readonly observer: Observer | undefined;
  readonly emit: EmitOf | undefined;
  readonly newRequestId: () => string;
}

/** The event while it is put together. */
type Finished = { -readonly [Member in keyof RequestFinished]: RequestFinished[Member] };

/** Answers a request with a scope of its own, and tells of it where there is an observer. */
export async function watched(
  { observer, emit, newRequestId }: RequestWatch,
  request: { readonly endpoint: EndpointName; readonly method: string; readonly path: string },
  { requestId, remoteAddress, traceParent }: Connection,
  answer: (scope: RequestScope) => Promise<TextAnswer> | TextAnswer,
): Promise<TextAnswer> {
  const scope: RequestScope = { requestId: requestId ?? attempt(newRequestId) };
  if (observer === undefined || emit === undefined) {
    return await answer(scope);
  }
  const { endpoint, method, path } = request;
  const begun = performance.now();
  let answered: TextAnswer | undefined;
  const finish = async (): Promise<TextAnswer> => {
    answered = await answer(scope);
    const { status } = answered;
    const { requestType, agent } = scope;
    const outcome = outcomeOf(status);
    const durationMilliseconds = performance.now() - begun;
    const finished: Finished = {
      type: 'request-finished',
      endpoint,
      method,
      outcome,
      status,
      durationMilliseconds,
    };
    if (remoteAddress !== undefined) finished.remoteAddress = remoteAddress;
    if (requestType !== undefined) finished.requestType = requestType;
    if (agent !== undefined) finished.agent = agent;
    emit(finished, scope);
    return answered;
  };
  if (observer.aroundRequest === undefined) return await finish();
  try {
    await observer.aroundRequest(
      {
        ...(scope.requestId === undefined ? {} : { requestId: scope.requestId }),
        endpoint,
        method,
        ...(endpoint === 'other' ? {} : { route: path }),
        ...(traceParent === undefined ? {} : { traceParent }),
      },
      finish,
    );
  } catch {
    // A fault of the observer's: what has been answered stands.
  }
  return answered ?? (await finish());
}

/** A request is answered without an id rather than not at all. */
function attempt(make: () => string): string | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function outcomeOf(status: number): RequestOutcome {
  if (status < 400) return 'answered';
  if (status === 429) return 'limited';
  if (status === 503) return 'unavailable';
  return status < 500 ? 'refused' : 'failed';
}
