import { IDENTITY_SCOPES, type ServerIdentifier } from '@countersign/protocol';

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
}

/** The names that go into the token's `scope`: those that do not merely ask for claims. */
export function tokenScope(question: Question): readonly string[] {
  const names = question.scopes.map(({ name }) => name);
  return question.kind === 'sign-in'
    ? names.filter((name) => !IDENTITY_SCOPES.includes(name))
    : names;
}
