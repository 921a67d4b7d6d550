import { utf8 } from '@countersign/httpsig';
import { isJsonObject, type JsonObject } from '../json.js';

/**
 * One thing that is asked for or was approved, in full (RFC 9396 section 2): an object with a `type`; what else is in
 * it belongs to the resource that defines the type.
 */
export type AuthorizationDetail = JsonObject & { readonly type: string };

/** Objects in one request. More could not be shown to a person. */
const MAX_DETAILS = 16;
/** Of the whole array as JSON: it has to fit into a token of 8 KiB that may be encoded twice. */
const MAX_BYTES = 3072;

/**
 * Reads `authorization_details`: an array of 1 to 16 objects, each with a `type` of 1 to 100 characters, in all at most
 * 3,072 bytes of JSON. `undefined` for anything else.
 */
export function readAuthorizationDetails(
  value: unknown,
): readonly AuthorizationDetail[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_DETAILS) return undefined;
  const details = value as unknown[];
  if (!details.every(isDetail) || utf8(JSON.stringify(details)).length > MAX_BYTES)
    return undefined;
  return details;
}

function isDetail(value: unknown): value is AuthorizationDetail {
  const type: unknown = isJsonObject(value) ? value['type'] : undefined;
  return typeof type === 'string' && type !== '' && type.length <= 100;
}

/**
 * The details that were approved, from the claims of a verified auth token; none when it has none, or when they are not
 * what RFC 9396 describes: what cannot be read approves nothing.
 */
export function authorizationDetailsOf(token: {
  readonly claims: JsonObject;
}): readonly AuthorizationDetail[] {
  return readAuthorizationDetails(token.claims['authorization_details']) ?? [];
}

/**
 * True when each of the details wanted is among those approved, member for member and value for value; the order of
 * members and of details does not matter, that of arrays inside does. A detail that says less or more is another one.
 */
export function detailsCover(
  approved: readonly AuthorizationDetail[],
  wanted: readonly AuthorizationDetail[],
): boolean {
  const held = new Set(approved.map(canonicalJson));
  return wanted.every((detail) => held.has(canonicalJson(detail)));
}

/** JSON with the members of every object in order, so that equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join(',')}}`;
}
