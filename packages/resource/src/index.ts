/** AAuth for APIs: verify who is asking, challenge for more, guard a route with one line. */
export { memoryReplayStore, type ReplayStore, systemClock } from '@countersign/protocol';
export type { Access, AccessFor, AuthorizedAccess } from './access.js';
export { createResource, type Resource } from './create-resource.js';
export type { TokenRequest } from './decide.js';
export type { GuardedHandler, GuardResult } from './guard.js';
export type { ResourceOptions } from './options.js';
export { type Outcome, outcomeResponse } from './outcome.js';
export type { RouteRequirement } from './requirement.js';
export { RESOURCE_TOKEN_PATH } from './routes.js';
