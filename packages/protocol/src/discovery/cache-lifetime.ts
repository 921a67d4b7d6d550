/** For how long one kind of document is kept. Seconds. */
export interface Lifetimes {
  /** When the host does not say. */
  readonly defaultSeconds: number;
  readonly minSeconds: number;
  /** Also how long after the last success a stale document is still used when asking again fails. */
  readonly maxSeconds: number;
}

/**
 * How long a document is fresh by its `Cache-Control`, within the bounds of `lifetimes` (PROTOCOL section 6).
 * `no-store` and `no-cache` mean the minimum; of several `max-age` the smallest counts; malformed ones do not.
 */
export function freshSeconds(cacheControl: string | undefined, lifetimes: Lifetimes): number {
  const { defaultSeconds, minSeconds, maxSeconds } = lifetimes;
  let asked: number | undefined;
  for (const part of (cacheControl ?? '').split(',')) {
    const directive = part.trim().toLowerCase();
    const age = /^max-age=(\d{1,10})$/.exec(directive)?.[1];
    const seconds = /^no-(?:store|cache)(?:$|=)/.test(directive) ? 0 : age && Number(age);
    if (typeof seconds === 'number') asked = Math.min(asked ?? seconds, seconds);
  }
  return Math.min(maxSeconds, Math.max(minSeconds, asked ?? defaultSeconds));
}
