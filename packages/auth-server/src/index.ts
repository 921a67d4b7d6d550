/** AAuth auth server: sign-in, consent, grants and tokens on real storage. */
export * from './accounts/index.js';
export * from './audit/index.js';
export type { Connection } from './connection.js';
export { type AuthServer, createAuthServer } from './create-auth-server.js';
export * from './observability/index.js';
export { type AuthServerOptions, DEFAULT_LIFETIMES, type Lifetimes } from './options.js';
export {
  type AccessRequest,
  alwaysAskPerson,
  neverAskPerson,
  type Policy,
  type PolicyDecision,
} from './policy.js';
export type {
  ExchangeDecision,
  ExchangePolicy,
  ExchangeRequest,
  UpstreamAccess,
} from './exchange-policy.js';
export {
  type AccessRule,
  type ExchangeRule,
  type PolicyFile,
  type PolicyRules,
  readPolicyFile,
  readPolicyRules,
} from './policy-rules.js';
export { rulePolicy, type RulePolicyOptions } from './rule-policy.js';
export {
  encryptSigningKeys,
  listSigningKeys,
  revokeSigningKey,
  type RevocationOptions,
  rotateSigningKey,
  type RotationOptions,
  type SigningKeyInfo,
} from './keys/administration.js';
export type { KeyState } from './keys/key-schedule.js';
export type { KeyVaultOptions } from './keys/key-vault.js';
export * from './limits/index.js';
export * from './storage/index.js';
export type { TextAnswer } from '@countersign/protocol';
