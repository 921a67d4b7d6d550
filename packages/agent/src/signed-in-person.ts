import { hashSecret, type ServerIdentifier } from '@countersign/protocol';

declare const verified: unique symbol;

/** What the auth server says of a person. Text that a person may have chosen: escape it where it is shown. */
export interface PersonClaims {
  /** With the scope `profile`, when the auth server knows it. */
  readonly name?: string;
  /**
   * With the scope `email`, when the auth server knows it. A way to reach the person, not who they are: it changes, is
   * given to others later, and two auth servers may say the same of two people. Never look an account up by it.
   */
  readonly email?: string;
  /** Whether the auth server has seen the person read mail there. Absent means that nothing is known. */
  readonly emailVerified?: boolean;
}

/**
 * A person who has signed in (PROTOCOL section 5.6). Only a sign-in that was verified in full makes one. `issuer` and
 * `subject` together say who it is: a subject means nothing without the auth server that gave it.
 */
export interface SignedInPerson {
  readonly [verified]: 'signed-in-person';
  /** The auth server that was asked and vouches for the person. */
  readonly issuer: ServerIdentifier;
  /** The person's `sub` there: opaque, and never given to another person. */
  readonly subject: string;
  /**
   * `issuer` and `subject` as one name of 43 characters, the same at every sign-in. Fit for a primary key, and the
   * person key of `agent.for`. No secret.
   */
  readonly key: string;
  readonly claims: PersonClaims;
  /**
   * Unix seconds until which the auth server vouches for what it said; at most a day from now. The application decides
   * how long its own session lasts. What the auth server changes later, it does not hear.
   */
  readonly expiresAt: number;
}

/** Marks a person as verified; called where a sign-in token has been verified and nowhere else. */
export async function signedInPerson(
  token: Pick<SignedInPerson, 'issuer' | 'subject' | 'claims' | 'expiresAt'>,
): Promise<SignedInPerson> {
  const key = await personKey(token.issuer, token.subject);
  return { ...token, key } as SignedInPerson;
}

/** {@link SignedInPerson.key} for an issuer and a subject that an application has kept apart. */
export async function personKey(issuer: string, subject: string): Promise<string> {
  return await hashSecret(JSON.stringify([issuer, subject]));
}
