import type { AuditHead, ChainedEntry } from './audit-entry.js';
import { chainHash } from './chain.js';

/**
 * What is wrong with a trail.
 *
 * - `missing`: an entry is not there, or stands out of order.
 * - `altered`: an entry does not fit its hash, or its hash does not follow from the one before it.
 * - `replaced`: the entry is sound but not the one that was noted down: the trail was written anew.
 * - `cut-off`: the trail ends before what was noted down.
 */
export type TrailFaultKind = 'missing' | 'altered' | 'replaced' | 'cut-off';

export interface TrailFault {
  readonly kind: TrailFaultKind;
  /** The first entry concerned. */
  readonly sequence: number;
}

export interface TrailReport {
  /** How many entries were found sound: all of them, or those before the fault. */
  readonly entries: number;
  /** The last of them; where the chain begins, if there are none. */
  readonly head: AuditHead;
  readonly fault?: TrailFault;
  /** Heads that were noted down of entries before the beginning, of which nothing can be told any more. */
  readonly before: readonly AuditHead[];
}

/**
 * Recomputes a chain of entries in order, from `start` on, up to its first fault. `noted` are heads that were noted down
 * elsewhere earlier, such as in the log. Without any, what is found is that nobody changed one entry without all those after
 * it: somebody who may write to the database can write the whole trail anew, or cut off its end. Checks nothing of what
 * the entries say but their time.
 */
export async function verifyAuditTrail(
  entries: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  start: AuditHead,
  noted: readonly AuditHead[] = [],
): Promise<TrailReport> {
  const before = noted.filter(({ sequence }) => sequence < start.sequence);
  const contradicts = ({ sequence, hash }: AuditHead): boolean =>
    noted.some((one) => one.sequence === sequence && one.hash !== hash);
  let head = start;
  let count = 0;
  const report = (kind?: TrailFaultKind, sequence = head.sequence + 1): TrailReport => ({
    entries: count,
    head,
    ...(kind === undefined ? {} : { fault: { kind, sequence } }),
    before,
  });
  if (contradicts(start)) return report('replaced', start.sequence);
  for await (const entry of entries) {
    const { sequence, hash, text } = entry;
    if (sequence !== head.sequence + 1) return report('missing');
    if (hash !== chainHash(head.hash, sequence, text) || entry.recordedAt !== timeOf(text)) {
      return report('altered');
    }
    if (contradicts(entry)) return report('replaced');
    head = { sequence, hash };
    count += 1;
  }
  if (noted.some(({ sequence }) => sequence > head.sequence)) return report('cut-off');
  return report();
}

/** What an entry is found by; 0 for a text that is no entry of ours, which is chained all the same. */
export function timeOf(text: string): number {
  try {
    const { time } = JSON.parse(text) as { readonly time?: unknown };
    return typeof time === 'number' && Number.isSafeInteger(time) ? time : 0;
  } catch {
    return 0;
  }
}
