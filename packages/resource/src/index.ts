/** AAuth for APIs: verify who is asking, challenge for more, guard a route with one line. */
export {
  type AuthorizationDetail,
  loadTokenOpener,
  memoryReplayStore,
  type ReplayStore,
  systemClock,
  type TokenOpener,
} from '@countersign/protocol';
export type { Access, AccessFor, AuthorizedAccess, OpenAccess } from './access.js';
export type { AgentList } from './agent-list.js';
export { createResource, type ProgressiveResource, type Resource } from './create-resource.js';
export type { TokenRequest } from './decide.js';
export type { GuardedHandler, GuardResult, OpenHandler } from './guard.js';
export * from './interaction/index.js';
export type { ResourceOptions } from './options.js';
export { type Outcome, outcomeResponse } from './outcome.js';
export type { Connection } from './progressive/counters.js';
export type {
  LevelLimit,
  OpenLevels,
  OpenRequirement,
  ProgressiveRequirement,
  SharedLevelLimit,
  SignedLevels,
} from './progressive/levels.js';
export { memoryRateLimitStore } from './rate-limits/memory.js';
export {
  RATE_LIMIT_SECONDS,
  type RateLimitCapacity,
  type RateLimitCounter,
  type RateLimitPart,
  type RateLimitStore,
  type RateLimitVerdict,
} from './rate-limits/rate-limit-store.js';
export { approvedDetails, coversDetails } from './approved-details.js';
export { DOCUMENT_PATH } from './document-desk.js';
export type {
  DocumentAudience,
  DocumentMaker,
  NamedDocument,
  RequestDocument,
} from './request-document.js';
export type { AuthorizationRequirement, RouteRequirement } from './requirement.js';
export { RESOURCE_TOKEN_PATH } from './routes.js';
