import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestType } from './server-event.js';

/** What is known of the request that is being answered, filled in as it is found out; or of what an operator does. */
export interface RequestScope {
  /** Absent only where there is no randomness to make one of, and for what an operator does. */
  readonly requestId: string | undefined;
  readonly operator?: string;
  requestType?: RequestType;
  agent?: string;
}

const scopes = new AsyncLocalStorage<RequestScope>();

/** The request that is being answered. */
export const currentRequest = (): RequestScope | undefined => scopes.getStore();

/** Notes who asks, once that has been verified. */
export function noteAgent(agent: string): void {
  const scope = scopes.getStore();
  if (scope !== undefined) scope.agent = agent;
}

const REQUEST_TYPES: ReadonlySet<string> = new Set<RequestType>([
  'auth',
  'code',
  'refresh',
  'exchange',
]);

/** Notes what is asked, when it is one of the types there are. */
export function noteRequestType(requestType: string): void {
  const scope = scopes.getStore();
  if (scope !== undefined && REQUEST_TYPES.has(requestType)) {
    scope.requestType = requestType as RequestType;
  }
}

/** Answers a request in a scope of its own. */
export function inScope<T>(scope: RequestScope, answer: () => Promise<T>): Promise<T> {
  return scopes.run(scope, answer);
}
