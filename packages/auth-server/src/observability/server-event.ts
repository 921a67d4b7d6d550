import type { DiscoveryLookup, ErrorCode } from '@countersign/protocol';

/** Where a request went: a closed list, whatever path a stranger makes up. */
export type EndpointName = 'metadata' | 'keys' | 'token' | 'auth-page' | 'other';

/** What an agent asks at the token endpoint. */
export type RequestType = 'auth' | 'code' | 'refresh' | 'exchange';

/**
 * What became of a request, by the status of its answer: below 400 `answered`; 429 `limited`; another 4xx `refused`; 503
 * `unavailable`; another 5xx `failed`. A page that tells a person what they did wrong is `answered`.
 */
export type RequestOutcome = 'answered' | 'refused' | 'limited' | 'unavailable' | 'failed';

/** What every event that belongs to a request says of it. */
interface OfRequest {
  /** The id that the answer carries when the request is refused. Absent for what no request caused. */
  readonly requestId?: string;
}

/** A request has been answered. */
export interface RequestFinished extends OfRequest {
  readonly type: 'request-finished';
  readonly endpoint: EndpointName;
  readonly method: string;
  /** As the connection gave it: behind trusted proxies the client's. */
  readonly remoteAddress?: string;
  /** Once the request has been verified. */
  readonly requestType?: RequestType;
  readonly outcome: RequestOutcome;
  readonly status: number;
  readonly durationMilliseconds: number;
  /** The agent's identifier, where it has been verified. */
  readonly agent?: string;
}

/** A request was refused, or the server failed at it. What `onRefused` is told, without the error itself. */
export interface RequestRefused extends OfRequest {
  readonly type: 'request-refused';
  readonly code: ErrorCode;
  readonly rule?: string;
  /** In our own words; may name hosts that a stranger chose. */
  readonly detail?: string;
}

/** A signed request, its age and its nonce were as they should be, and yet it has been made before (PROTOCOL section 2). */
export interface ReplayRefused extends OfRequest {
  readonly type: 'replay-refused';
}

/** The signature of a request was verified, discovery and the memory of requests included, or refused. */
export interface RequestVerified extends OfRequest {
  readonly type: 'request-verified';
  readonly result: 'verified' | 'refused';
  readonly durationMilliseconds: number;
}

/** A person tried to sign in. */
export interface SignInTried extends OfRequest {
  readonly type: 'sign-in';
  readonly result: 'succeeded' | 'failed' | 'limited';
  /** The account's id; absent when nobody has the name that was typed, which is never told. */
  readonly account?: string;
}

/** An agent's request waits for a person. */
export interface QuestionAsked extends OfRequest {
  readonly type: 'question-asked';
  readonly kind: 'access' | 'sign-in';
  readonly agent: string;
  readonly audience: string;
}

/** A person has decided. */
export interface QuestionDecided extends OfRequest {
  readonly type: 'question-decided';
  readonly outcome: 'granted' | 'denied';
  readonly agent: string;
  readonly audience: string;
  /** The account's id. */
  readonly account: string;
}

/** An auth token was made. `auth`: by policy, without a person. */
export interface TokenIssued extends OfRequest {
  readonly type: 'token-issued';
  readonly kind: RequestType;
  /** The token's id, never the token. */
  readonly jti: string;
  readonly agent: string;
  readonly audience: string;
  /** For signing, and encrypting where the audience wants that. */
  readonly durationMilliseconds: number;
}

/** A document of another server was looked up. */
export interface DiscoveryEvent extends OfRequest, DiscoveryLookup {
  readonly type: 'discovery-lookup';
}

/** The database was asked something, or changed in one transaction. */
export interface StorageOperation extends OfRequest {
  readonly type: 'storage-operation';
  readonly kind: 'read' | 'write';
  readonly result: 'done' | 'failed';
  readonly durationMilliseconds: number;
}

/** The database cannot be used: told once, at the first operation that failed. */
export interface StorageFailed extends OfRequest {
  readonly type: 'storage-failed';
  /** What the system or the database said. */
  readonly reason: string;
}

/** The first operation that succeeded after {@link StorageFailed}. */
export interface StorageRecovered extends OfRequest {
  readonly type: 'storage-recovered';
  readonly afterMilliseconds: number;
}

/** Expired rows were deleted. */
export interface Swept extends OfRequest {
  readonly type: 'swept';
  readonly rows: number;
  readonly durationMilliseconds: number;
}

/** Signing keys that were stored plain, or encrypted with an earlier key-encryption key, have been encrypted at the start. */
export interface KeysEncrypted extends OfRequest {
  readonly type: 'keys-encrypted';
  readonly kids: readonly string[];
}

/** The audit trail has grown. Kept somewhere else, the head shows later that nothing up to it has been changed. */
export interface AuditSealed extends OfRequest {
  readonly type: 'audit-sealed';
  /** Of the latest entry. */
  readonly sequence: number;
  readonly hash: string;
}

/** The server can answer. */
export interface ServerStarted extends OfRequest {
  readonly type: 'server-started';
  readonly issuer: string;
}

/** The database was closed: nothing is answered any more. */
export interface StorageClosed extends OfRequest {
  readonly type: 'storage-closed';
}

/** What the database itself tells. */
export type StorageEvent = StorageOperation | StorageFailed | StorageRecovered | StorageClosed;

/**
 * Everything an auth server tells whoever watches it; a closed list. No event has a token, code, password, cookie or
 * key in it, nor what a person typed.
 */
export type ServerEvent =
  | RequestFinished
  | RequestRefused
  | ReplayRefused
  | RequestVerified
  | SignInTried
  | QuestionAsked
  | QuestionDecided
  | TokenIssued
  | DiscoveryEvent
  | StorageEvent
  | Swept
  | AuditSealed
  | KeysEncrypted
  | ServerStarted;
