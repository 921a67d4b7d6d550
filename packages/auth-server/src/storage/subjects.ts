/**
 * Which `sub` a person has at an audience. For now it is the person's own subject everywhere; what was handed out to
 * an audience is written down, so that it stays the same when audiences begin to get subjects of their own.
 */
export interface SubjectStore {
  /** The person's `sub` at `audience`, assigned on first use. Undefined for an unknown person. */
  subjectFor(userId: string, audience: string): Promise<string | undefined>;
  /** The id of the person to whom `subject` was assigned at `audience`. */
  userFor(subject: string, audience: string): Promise<string | undefined>;
}
