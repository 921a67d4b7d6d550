/**
 * HTTP Message Signatures (RFC 9421) with the Signature-Key header: signing, verifying, digests and keys.
 * Knows nothing of tokens; useful on its own.
 */
export {
  ALGORITHM_NAMES,
  type AlgorithmName,
  algorithmByName,
  algorithmForKey,
  type SignatureAlgorithm,
} from './algorithms.js';
export {
  type Bytes,
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
  utf8,
} from './bytes.js';
export { checkContentDigest, contentDigest } from './content-digest.js';
export { signRequest, verifyRequest } from './fetch-request.js';
export { SignatureError, type SignatureFailure, type SignatureRule } from './failure.js';
export {
  agrees as algorithmAgrees,
  type ParsedJwk,
  parsePublicJwk,
  type PublicJwk,
  thumbprint,
} from './jwk.js';
export {
  generatePrivateJwk,
  importSigningKey,
  importVerificationKey,
  type PrivateJwk,
  type SignatureVerifier,
  type SigningKey,
  type VerificationKey,
} from './keys.js';
export {
  HeaderIndex,
  type HeaderLine,
  type HttpMessage,
  messageFromRequest,
  messageTarget,
  type NodeRequestLike,
} from './message.js';
export {
  type CoverageCondition,
  type RequiredComponent,
  requiredComponents,
  type SignatureProfile,
  type Wire,
} from './profile.js';
export { type SignOptions, signMessage } from './sign.js';
export { type ComponentSource, signatureBase } from './signature-base.js';
export { parseSignatureInput, type SignatureInput } from './signature-input.js';
export {
  parseSignatureKeyField,
  serializeSignatureKeyField,
  type SignatureKeyField,
} from './signature-key/parse.js';
export {
  readSignatureKey,
  type SchemeName,
  type SignatureKey,
  writeSignatureKey,
} from './signature-key/schemes.js';
export {
  parseSignatureValue,
  serializeSignatureValue,
  type SignatureValue,
} from './signature-value.js';
export {
  type BareItem,
  FieldReader,
  type InnerList,
  isKey,
  type Item,
  type Member,
  type Parameters,
  parseDictionary,
  parseItem,
  serializeString,
} from './structured-field.js';
export {
  isSigned,
  type ResolvedKey,
  type VerifiedSignature,
  verifyMessage,
  type VerifyOptions,
  type VerifyResult,
} from './verify.js';
export { sha256, sha256Text } from '#platform';
