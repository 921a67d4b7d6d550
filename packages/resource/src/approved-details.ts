import {
  type AuthorizationDetail,
  authorizationDetailsOf,
  detailsCover,
} from '@countersign/protocol';
import type { Access, AuthorizedAccess } from './access.js';

/**
 * The details (RFC 9396) that were approved for this access, of one `type` or all; none for access by anything less than
 * an auth token, or by a token without details. They come from the verified token: they are what the person was shown.
 */
export function approvedDetails(access: Access, type?: string): readonly AuthorizationDetail[] {
  if (access.level !== 'authorization') return [];
  const details = authorizationDetailsOf(access.token);
  return type === undefined ? details : details.filter((detail) => detail.type === type);
}

/**
 * True when everything wanted was approved, each detail member for member. A route with a document has been checked like
 * that before its handler runs; this is for handlers that learn only later what they are about to do.
 */
export function coversDetails(access: Access, wanted: readonly AuthorizationDetail[]): boolean {
  return detailsCover(approvedDetails(access), wanted);
}

/** True for a token whose approval was limited by details: what was approved for one thing is not for all of its scope. */
export function isLimitedByDetails(access: AuthorizedAccess): boolean {
  return 'authorization_details' in access.token.claims;
}
