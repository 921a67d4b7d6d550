/** How a signature is written on the wire. See `docs/wire.md`. */
export type Wire =
  /** RFC 9421 base, signature in standard base64. */
  | 'rfc9421'
  /** RFC 9421 base, signature in base64url without padding. */
  | '2026-02'
  /** No `@signature-params` line, a final LF, `@query` without `?`, base64url. Leaves `created` unsigned. */
  | '2026-01';

/** When a component must be covered. A component whose condition does not hold must not be covered. */
export type CoverageCondition =
  | 'always'
  /** The target has a `?`. */
  | 'query'
  /** There is a body of one or more bytes. */
  | 'body'
  /** The header field is present. */
  | 'present';

export interface RequiredComponent {
  readonly name: string;
  readonly when: CoverageCondition;
}

/** What a protocol built on RFC 9421 asks of a signature. A value, so that another generation of the wire is another value. */
export interface SignatureProfile {
  /** Required components in the order in which they are signed; any order is accepted. */
  readonly components: readonly RequiredComponent[];
  /** The label written when signing. Any label is accepted, the same one in all three fields. */
  readonly label: string;
  /** Seconds that `created` may lie from now, either way. */
  readonly windowSeconds: number;
  /** Seconds of allowance after `expires`. */
  readonly skewSeconds: number;
  /** The longest Signature-Key field accepted, in characters. */
  readonly maxSignatureKeyLength: number;
}

/** What the conditions ask of a message. */
export interface MessageFacts {
  readonly hasQuery: boolean;
  readonly hasBody: boolean;
  readonly hasField: (name: string) => boolean;
}

/** The components this message must cover under `profile`, in signing order. */
export function requiredComponents(profile: SignatureProfile, facts: MessageFacts): string[] {
  return profile.components
    .filter(({ name, when }) => holds(when, name, facts))
    .map(({ name }) => name);
}

/** True for what everybody sends: the required components and no others, in the order of the profile. */
export function coversExactly(
  components: readonly string[],
  profile: SignatureProfile,
  facts: MessageFacts,
): boolean {
  let at = 0;
  for (const { name, when } of profile.components) {
    if (!holds(when, name, facts)) continue;
    if (components[at] !== name) return false;
    at += 1;
  }
  return at === components.length;
}

function holds(when: CoverageCondition, name: string, facts: MessageFacts): boolean {
  switch (when) {
    case 'always':
      return true;
    case 'query':
      return facts.hasQuery;
    case 'body':
      return facts.hasBody;
    case 'present':
      return facts.hasField(name);
  }
}
