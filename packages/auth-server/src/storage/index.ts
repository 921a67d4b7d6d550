export type * from './audit.js';
export type * from './codes.js';
export type * from './grants.js';
export type * from './health.js';
export type * from './issue-terms.js';
export type * from './issued-tokens.js';
export type * from './limits.js';
export type { DatabaseLimits } from './open-database.js';
export {
  type DatabaseSchema,
  inspectDatabase,
  migrateDatabase,
  openStorage,
  type OpenStorageOptions,
} from './open-storage.js';
export type * from './pending-decisions.js';
export type * from './refresh-tokens.js';
export type * from './sessions.js';
export type * from './settings.js';
export type * from './sign-in-attempts.js';
export type * from './signing-keys.js';
export { StorageConfigurationError, StorageError } from './storage-error.js';
export type * from './storage.js';
export type * from './subjects.js';
export { usernameKey } from './username.js';
export type * from './users.js';
export { type DatabaseFacts, readDatabaseUrl } from './database-facts.js';
