import type { RequestType } from './server-event.js';

/**
 * What is known of the request that is being answered, filled in as it is found out. Handed on from whoever answers to
 * the database: an `AsyncLocalStorage` would carry it unseen, and on Node 20 and 22 make every promise of the process
 * dearer, a tenth of what a token request costs.
 */
export interface RequestScope {
  /** Absent only where there is no randomness to make one of. */
  readonly requestId: string | undefined;
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

const REQUEST_TYPES: ReadonlySet<string> = new Set<RequestType>([
  'auth',
  'code',
  'refresh',
  'exchange',
]);

/** Notes what is asked, when it is one of the types there are. */
export function noteRequestType(scope: RequestScope, requestType: string): void {
  if (REQUEST_TYPES.has(requestType)) scope.requestType = requestType as RequestType;
}

/** Lets the request that is being answered go on before that commit. False where there is none that would wait for it. */
export function answerAfter(scope: RequestScope | undefined, kept: Promise<void>): boolean {
  const owed = scope?.owed;
  owed?.push(kept);
  return owed !== undefined;
}

/**
 * Does `work`, which may go on before what it has decided is on the disk (`answerAfter`). Ends once all of that is,
 * however `work` went; rejects with the failure where something could not be kept.
 */
export async function onceKept<T>(scope: RequestScope, work: () => Promise<T>): Promise<T> {
  const owed: Promise<void>[] = [];
  scope.owed = owed;
  try {
    return await work();
  } finally {
    scope.owed = undefined;
    await Promise.all(owed);
  }
}
