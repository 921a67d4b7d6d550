import type { EndpointName, ServerEvent } from './server-event.js';

/** A request as it begins. */
export interface RequestStarted {
  /** Absent only where there is no randomness to make one of. */
  readonly requestId?: string;
  readonly endpoint: EndpointName;
  /** As the client sent it; Node knows no methods but those of a closed list. */
  readonly method: string;
  /** The path, where it is one of the server's own. */
  readonly route?: string;
  /** From a proxy that is trusted; its form has not been looked at. */
  readonly traceParent?: string;
}

/** Watches an auth server: logs, metrics and spans follow from this. What it throws is lost, and stops nothing. */
export interface Observer {
  /** Told of everything, at once and in the asynchronous context of the request that caused it. */
  onEvent(event: ServerEvent): void;
  /**
   * Answers a request by calling `answer`, exactly once, and returns what that returns: for whoever needs to be around
   * a request, as a tracer does.
   */
  aroundRequest?<T>(request: RequestStarted, answer: () => Promise<T>): Promise<T>;
}

/** Several observers as one; the first one is outermost. */
export function observers(...all: readonly Observer[]): Observer {
  return {
    onEvent: (event) => {
      for (const one of all) {
        try {
          one.onEvent(event);
        } catch {
          // The others want to know all the same.
        }
      }
    },
    aroundRequest: (request, answer) =>
      all.reduceRight(
        (inner, one) =>
          one.aroundRequest === undefined
            ? inner
            : () => one.aroundRequest?.(request, inner) ?? inner(),
        answer,
      )(),
  };
}
