import type { Discovery } from '../discovery/discovery.js';
import { AAuthError, type ErrorCode } from '../errors.js';
import { type IdentifierOptions, isOnOrigin, type ServerIdentifier } from '../identifiers.js';
import type { JsonObject } from '../json.js';
import { parseScope } from '../scope.js';
import { type AuthorizationDetail, readAuthorizationDetails } from './authorization-details.js';
import { fromStranger, strangerRefused } from './strangers-key.js';
import { canEncryptTo, type EncryptionJwk, readEncryptionJwk } from './token-encryption.js';

/** What a resource asks for in an Auth Request Document (PROTOCOL section 5.9). */
export interface AuthRequestDocument {
  readonly resource: ServerIdentifier;
  /** Empty when only details are asked for. */
  readonly scope: readonly string[];
  /** Why, for the person. Hostile text until it has been cleaned for display, and so is the description. */
  readonly purpose?: string;
  readonly description?: string;
  /** What exactly (RFC 9396). */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Unix seconds after which nothing that was approved holds any more. */
  readonly expiresAt?: number;
  /** The key that auth tokens are to be encrypted to. */
  readonly encryptionJwk?: EncryptionJwk;
}

export interface AuthRequestDocumentExpectations extends IdentifierOptions {
  /** Whose document it is: the resource token's `iss`, or for a sign-in the agent. */
  readonly resource: ServerIdentifier;
  /** Unix seconds. */
  readonly now: number;
}

/**
 * Reads an Auth Request Document strictly: every known member of its type or absent, `resource` the one expected, at
 * least one scope name or detail, `expires_at` in the future, an `encryption_jwk` that can be used. Unknown members
 * are ignored: they are neither shown nor granted.
 *
 * Throws `AAuthError` `invalid_signature`, one public text for whatever is wrong, since a stranger named the host
 * (PROTOCOL section 7); `rule`, for the log, begins with `document_` or `encryption_key_`.
 */
export async function readAuthRequestDocument(
  document: JsonObject,
  { resource, now }: AuthRequestDocumentExpectations,
): Promise<AuthRequestDocument> {
  if (document['resource'] !== resource) throw strangerRefused('document_resource_other');
  const purpose = text(document, 'purpose');
  const description = text(document, 'description');
  const scope = readScope(document['scope']);
  const authorizationDetails = readDetails(document['authorization_details']);
  if (scope.length === 0 && authorizationDetails === undefined) {
    throw strangerRefused('document_asks_nothing');
  }
  const expiresAt = readEnd(document['expires_at'], now);
  const encryptionJwk = await readKey(document['encryption_jwk']);
  return {
    resource,
    scope,
    ...(purpose === undefined ? {} : { purpose }),
    ...(description === undefined ? {} : { description }),
    ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(encryptionJwk === undefined ? {} : { encryptionJwk }),
  };
}

function text(document: JsonObject, name: 'purpose' | 'description'): string | undefined {
  const value = document[name];
  if (value === undefined || typeof value === 'string') return value;
  throw strangerRefused(`document_${name}_invalid`);
}

function readScope(value: unknown): readonly string[] {
  const names = value === undefined ? [] : parseScope(value);
  if (names === undefined) throw strangerRefused('document_scope_invalid');
  return names;
}

function readDetails(value: unknown): readonly AuthorizationDetail[] | undefined {
  if (value === undefined) return undefined;
  const details = readAuthorizationDetails(value);
  if (details === undefined) throw strangerRefused('document_authorization_details_invalid');
  return details;
}

function readEnd(value: unknown, now: number): number | undefined {
  if (value === undefined) return undefined;
  // JSON lets 1e999 through as infinity; numeric dates are safe integers.
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw strangerRefused('document_expires_at_invalid');
  }
  if (!(value > now)) throw strangerRefused('document_expired');
  return value;
}

async function readKey(value: unknown): Promise<EncryptionJwk | undefined> {
  if (value === undefined) return undefined;
  const jwk = readEncryptionJwk(value);
  if (typeof jwk === 'string') throw strangerRefused(jwk);
  if (!(await canEncryptTo(jwk))) throw strangerRefused('encryption_key_invalid');
  return jwk;
}

/**
 * Fetches and reads the document at `url` (PROTOCOL section 5.9). The URL is the caller's own words and is judged first:
 * one that is not on the expected resource's origin throws `AAuthError` with `urlFault`, and nothing is fetched. What is
 * wrong with the host or the document is answered as {@link readAuthRequestDocument} says.
 */
export async function fetchAuthRequestDocument(
  discovery: Pick<Discovery, 'documentAt'>,
  url: string,
  expect: AuthRequestDocumentExpectations & { readonly urlFault: ErrorCode },
): Promise<AuthRequestDocument> {
  if (!isOnOrigin(url, expect.resource)) {
    throw new AAuthError(
      expect.urlFault,
      `The auth_request_url must be an https URL on the origin of ${expect.resource}.`,
      { rule: 'auth_request_url_origin' },
    );
  }
  return await readAuthRequestDocument(await fromStranger(discovery.documentAt(url)), expect);
}

/** The JSON of an Auth Request Document, as a resource publishes it. */
export function authRequestDocument(document: AuthRequestDocument): JsonObject {
  const { resource, scope, purpose, description } = document;
  const { authorizationDetails, expiresAt, encryptionJwk } = document;
  const members = {
    resource,
    scope: scope.length === 0 ? undefined : scope.join(' '),
    purpose,
    description,
    authorization_details: authorizationDetails,
    expires_at: expiresAt,
    encryption_jwk: encryptionJwk,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
