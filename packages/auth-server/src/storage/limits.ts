/** A part of what a limit allows in one window, asked for by one process. */
export interface LimitShare {
  /** SHA-256 of what is counted, base64url: no address and no agent is kept. */
  readonly key: string;
  /** Unix seconds at which the window ends. It names the window, and the row goes when it is over. */
  readonly endsAt: number;
  /** How many are asked for. */
  readonly want: number;
  /** How many there are in the window for all processes together. */
  readonly limit: number;
}

/** Counters that all processes on the database share. They take shares, so that not every request is a write. */
export interface LimitStore {
  /**
   * Takes as many of `want` as are left, in one atomic statement: of any number of processes at once, together they
   * are never given more than `limit`. Returns how many were given, and how many are left after that.
   */
  claim(share: LimitShare): Promise<{ readonly granted: number; readonly left: number }>;
}
