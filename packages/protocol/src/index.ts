/** The vocabulary of AAuth shared by agents, resources and auth servers. No routes, no storage. */
export { type Clock, systemClock } from './clock.js';
export {
  clipText,
  displayName,
  displayText,
  resemblesAddress,
  TEXT_LIMITS,
} from './display-text.js';
export { AAuthError, type ErrorCode, type ErrorOptions, isAAuthError } from './errors.js';
export type { RefusedBy, Retry } from './refusal-meaning.js';
export {
  authorityOf,
  type IdentifierOptions,
  isLoopbackHost,
  isOnOrigin,
  isServerIdentifier,
  parseServerIdentifier,
  type ServerIdentifier,
} from './identifiers.js';
export { isJsonObject, type JsonObject, parseStrictJson, parseStrictJsonBytes } from './json.js';
export { type DecodedJws, decodeJws, MAX_TOKEN_LENGTH, signJws, verifyJws } from './jws.js';
export { type KeySet, loadKeySet, type PublishedKey } from './key-set.js';
export { parseUrl } from './parse-url.js';
export { hashSecret, type Random, randomSecret, secretSource, systemRandom } from './random.js';
export { type OnRefused, refusalReporter, requestIds } from './refusal-report.js';
export {
  headerOf,
  readBody,
  receivedHead,
  receivedMessage,
  routedPath,
  TOKEN_BODY_LIMIT,
} from './received-message.js';
export type { BodyReader, ReceivedHeaders, ReceivedRequest } from './received-request.js';
export {
  type BoundedReplayStore,
  boundedReplayStore,
  type ReplayTable,
} from './replay/bounded-replay-store.js';
export { type SqliteDatabase, sqliteReplayTable } from './replay/sqlite-replay-table.js';
export { type MemoryReplayOptions, memoryReplayStore } from './replay/memory-replay-store.js';
export type {
  ReplayLimits,
  ReplayRecord,
  ReplayStore,
  ReplayVerdict,
} from './replay/replay-store.js';
export { IDENTITY_SCOPES, parseScope, scopeCovers } from './scope.js';
export type { AdmitHost } from './discovery/admit-host.js';
export { createDiscovery } from './discovery/create-discovery.js';
export type { DiscoveryLookup, OnDiscoveryLookup } from './discovery/discovery-lookup.js';
export type { DiscoveryOptions } from './discovery/discovery-options.js';
export type { DocumentFetch, FetchedDocument, GuardOptions } from './discovery/document-fetch.js';
export { SegmentedCache, type SegmentedCacheLimits } from './discovery/segmented-cache.js';
export type { Asker, Discovery, MetadataKind, PublishesKeys } from './discovery/discovery.js';
export {
  type AgentTokenExpectations,
  issueAgentToken,
  type VerifiedAgentToken,
  verifyAgentToken,
} from './exploratory/agent-token.js';
export {
  type Challenge,
  parseChallenge,
  serializeChallenge,
} from './exploratory/agent-auth-challenge.js';
export { actClaim, type Actor, MAX_ACTORS, readActors } from './exploratory/actor-chain.js';
export {
  type AuthTokenExpectations,
  type AuthTokenVerification,
  type ExpiredAuthToken,
  issueAuthToken,
  MAX_AUTH_TOKEN_SECONDS,
  type TrustedIssuers,
  type VerifiedAuthToken,
  verifyAuthToken,
} from './exploratory/auth-token.js';
export { errorAnswer, errorResponse, errorSpelling } from './exploratory/error-response.js';
export { FORM_TYPE, parseForm } from './exploratory/form.js';
export {
  agentDocument,
  type AgentMetadata,
  agentMetadata,
  authServerDocument,
  type AuthServerMetadata,
  authServerMetadata,
  resourceDocument,
  type ResourceMetadata,
  resourceMetadata,
} from './exploratory/metadata.js';
export {
  CALLBACK_PATH,
  INTERACTION_CODE,
  INTERACTION_SESSION,
  JWKS_PATH,
  REQUEST_TYPES,
  type RequestType,
} from './exploratory/names.js';
export { checkNonce, checkReplay, type ReplayCheckOptions } from './exploratory/replay-check.js';
export type { Caller } from './exploratory/caller.js';
export { fromStranger, strangerRefused } from './exploratory/strangers-key.js';
export {
  createExchangeVerifier,
  type ExchangeVerifier,
  type ExchangeVerifierOptions,
  type VerifiedExchange,
} from './exploratory/exchange-request.js';
export {
  type AdmitCaller,
  createRequestVerifier,
  type RequestMeans,
  type RequestVerifier,
  type RequestVerifierOptions,
  type VerifiedRequest,
} from './exploratory/request-verifier.js';
export {
  issueResourceToken,
  MAX_RESOURCE_TOKEN_SECONDS,
  readResourceToken,
  type ResourceTokenClaims,
  type ResourceTokenExpectations,
  type VerifiedResourceToken,
  verifyResourceToken,
} from './exploratory/resource-token.js';
export { DEFAULT_WIRES, isSafeMethod, signingProfile } from './exploratory/signing-profile.js';
export {
  type AuthorizationDetail,
  authorizationDetailsOf,
  canonicalJson,
  detailsCover,
  readAuthorizationDetails,
} from './exploratory/authorization-details.js';
export {
  type AuthRequestDocument,
  authRequestDocument,
  type AuthRequestDocumentExpectations,
  fetchAuthRequestDocument,
  readAuthRequestDocument,
} from './exploratory/auth-request-document.js';
export {
  encryptToken,
  type EncryptionJwk,
  generateEncryptionJwk,
  readEncryptionJwk,
} from './exploratory/token-encryption.js';
export { loadTokenOpener, type TokenOpener } from './exploratory/token-decryption.js';
export { TOKEN_TYPES, type TokenExpectations, type TokenType } from './exploratory/token-claims.js';
export { upstreamTokenText } from './exploratory/upstream-token.js';
export { loadTrustRoots, type TrustRoots } from './x509/certificate-resolver.js';
export { certificateThumbprint } from './x509/thumbprint.js';
export { asResponse, jsonAnswer, type TextAnswer } from './text-answer.js';
