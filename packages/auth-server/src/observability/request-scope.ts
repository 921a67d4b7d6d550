import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestType } from './server-event.js';

/** What is known of the request that is being answered, filled in as it is found out; or of what an operator does. */
export interface RequestScope {
  /** Absent only where there is no randomness to make one of, and for what an operator does. */
  readonly requestId: string | undefined;
  readonly operator?: string;
  requestType?: RequestType;
  agent?: string;
  /** Commits that the answer has to wait for; absent where each is waited for when it is made. */
  owed?: Promise<void>[] | undefined;
  /** On whose account hosts are asked. */
  account?: HostAccount;
}

/** Who makes this server ask other hosts. */
export interface HostAccount {
  readonly address: string;
  /** Once the signature has been verified. */
  readonly agent: string | undefined;
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

/** Lets the request that is being answered go on before that commit. False where there is none that would wait for it. */
export function answerAfter(kept: Promise<void>): boolean {
  const owed = scopes.getStore()?.owed;
  owed?.push(kept);
  return owed !== undefined;
}

/**
 * Does `work`, which may go on before what it has decided is on the disk (`answerAfter`). Ends once all of that is,
 * however `work` went; rejects with the failure where something could not be kept.
 */
export async function onceKept<T>(work: () => Promise<T>): Promise<T> {
  const scope = scopes.getStore();
  if (scope === undefined) return await work();
  const owed: Promise<void>[] = [];
  scope.owed = owed;
  try {
    return await work();
  } finally {
    scope.owed = undefined;
    await Promise.all(owed);
  }
}

/** Answers a request in a scope of its own. */
export function inScope<T>(scope: RequestScope, answer: () => Promise<T>): Promise<T> {
  return scopes.run(scope, answer);
}
