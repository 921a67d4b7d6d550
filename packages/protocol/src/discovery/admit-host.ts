/**
 * Asked before a host that has never answered is asked for something, with the identifier or URL that a request named.
 * What it throws or rejects with is what the caller of discovery gets: nothing is fetched, and nothing is remembered
 * against the host.
 */
export type AdmitHost = (named: string) => Promise<void> | void;

/** Carries a refusal through discovery, which otherwise makes one error of whatever goes wrong. */
export class NotAdmitted extends Error {
  override readonly name = 'NotAdmitted';
  readonly refusal: unknown;

  constructor(refusal: unknown) {
    super('not admitted');
    this.refusal = refusal;
  }
}
