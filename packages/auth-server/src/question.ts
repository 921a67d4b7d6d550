import {
  type AuthorizationDetail,
  type EncryptionJwk,
  IDENTITY_SCOPES,
  type ServerIdentifier,
} from '@countersign/protocol';

/** What an Auth Request Document (PROTOCOL section 5.9) adds to a question. */
export interface QuestionDocument {
  /** SHA-256 of everything that is shown or granted of it: an approval is remembered for this only. */
  readonly hash: string;
  /** Texts as they are shown. */
  readonly purpose?: string;
  readonly description?: string;
  /** Shown in full, and granted as the claim `authorization_details`. */
  readonly details?: readonly AuthorizationDetail[];
  /** Unix seconds at which everything granted ends. */
  readonly endsAt?: number;
  /** The key that tokens will be encrypted to. */
  readonly encryptionJwk?: EncryptionJwk;
}

/**
 * What a person is asked, exactly as it will be shown and granted. Stored with the pending decision: metadata that
 * changes in between changes nothing.
 */
export interface Question {
  readonly kind: 'access' | 'sign-in';
  readonly agent: {
    readonly id: ServerIdentifier;
    readonly name?: string;
    readonly homepage?: string;
    readonly policyUri?: string;
    readonly tosUri?: string;
  };
  readonly resource: { readonly id: ServerIdentifier; readonly name?: string };
  readonly scopes: readonly { readonly name: string; readonly description?: string }[];
  readonly document?: QuestionDocument;
}

/** The names that go into the token's `scope`: those that do not merely ask for claims. */
export function tokenScope(question: Question): readonly string[] {
  const names = question.scopes.map(({ name }) => name);
  return question.kind === 'sign-in'
    ? names.filter((name) => !IDENTITY_SCOPES.includes(name))
    : names;
}
