import type { IssuedTokenStamp } from '../issued-tokens.js';
import type { IssueTerms } from '../issue-terms.js';
import { jsonFromText, jsonToText } from './json-text.js';

/** {@link IssueTerms} as columns. */
export interface TermsColumns {
  readonly accessEndsAt: number | null;
  readonly encryptionJwk: string | null;
}

export function termsToColumns(terms: Partial<IssueTerms>): TermsColumns {
  const { accessEndsAt = null, encryptionJwk = null } = terms;
  return {
    accessEndsAt,
    encryptionJwk: encryptionJwk === null ? null : jsonToText(encryptionJwk),
  };
}

export function termsFromColumns({ accessEndsAt, encryptionJwk }: TermsColumns): IssueTerms {
  return {
    accessEndsAt,
    encryptionJwk: encryptionJwk === null ? null : jsonFromText(encryptionJwk),
  };
}

/** The ledger says when the token really ends. */
export function endingWithAccess(
  issued: IssuedTokenStamp,
  { accessEndsAt }: Pick<IssueTerms, 'accessEndsAt'>,
): IssuedTokenStamp {
  return accessEndsAt === null
    ? issued
    : { ...issued, expiresAt: Math.min(issued.expiresAt, accessEndsAt) };
}
