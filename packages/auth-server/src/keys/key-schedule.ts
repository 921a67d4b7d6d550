/** What a key is good for at some moment. */
export type KeyState =
  /** Published, and not used yet. */
  | 'next'
  /** Signs. */
  | 'signing'
  /** Signed tokens that have not expired. */
  | 'retired'
  /** Neither: it may go. */
  | 'ended';

/** What the schedule goes by. */
export interface KeyTimes {
  readonly kid: string;
  /** Unix seconds from which it signs. */
  readonly activeFrom: number;
}

export interface ScheduledKey<R extends KeyTimes = KeyTimes> {
  readonly record: R;
  readonly state: KeyState;
  /** Unix seconds at which another key took over; undefined while none has. */
  readonly retiredAt: number | undefined;
}

/**
 * Says of each key what it is good for. It follows from the keys and the time alone, so that replicas need not agree on
 * anything: the key that signs is the last one whose time has come; the ones before it stay published for `keepSeconds`,
 * the life of the last token they signed; the ones after it are published already, for verifiers to know them in time.
 */
export function scheduleKeys<R extends KeyTimes>(
  records: readonly R[],
  now: number,
  keepSeconds: number,
): readonly ScheduledKey<R>[] {
  const inOrder = records.toSorted(
    (one, other) => one.activeFrom - other.activeFrom || (one.kid < other.kid ? -1 : 1),
  );
  const signing = inOrder.findLastIndex(({ activeFrom }) => activeFrom <= now);
  return inOrder.map((record, index) => {
    const following = inOrder[index + 1]?.activeFrom;
    const retiredAt = index < signing ? following : undefined;
    return { record, state: stateOf(index - signing, retiredAt, now, keepSeconds), retiredAt };
  });
}

function stateOf(
  distance: number,
  retiredAt: number | undefined,
  now: number,
  keepSeconds: number,
): KeyState {
  if (distance === 0) return 'signing';
  if (retiredAt === undefined) return 'next';
  return now < retiredAt + keepSeconds ? 'retired' : 'ended';
}
