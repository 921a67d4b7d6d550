import type { JsonObject } from '@countersign/protocol';

/** What an approval says about the tokens that are issued for it, beside what they grant. */
export interface IssueTerms {
  /** Unix seconds at which all access ends: no token outlives it and none is issued from then on; null for no end. */
  readonly accessEndsAt: number | null;
  /** The public JWK that the tokens are encrypted to; null for tokens in the clear. */
  readonly encryptionJwk: JsonObject | null;
}
