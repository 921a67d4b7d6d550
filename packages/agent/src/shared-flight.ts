/** Waits for `promise`, but no longer than until `signal` is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject);
  });
}

/** Work that several callers wait for. It is abandoned when the last of them has gone, not when one goes. */
export class Flight<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#result = run(this.#controller.signal);
    this.#result.catch(() => undefined);
  }

  /** True when nobody waits any more: the work is being given up and cannot be joined. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  async join(signal: AbortSignal | undefined): Promise<T> {
    this.#waiting += 1;
    try {
      return await abortable(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#controller.abort();
    }
  }
}

/** Flights in the air, each under what it is for. */
export class Flights<Purpose, T> {
  readonly #open = new Set<{ readonly purpose: Purpose; readonly flight: Flight<T> }>();

  /** Joins the flight that `serves` the caller, or starts one. Looking and starting are one step. */
  share(
    purpose: Purpose,
    serves: (other: Purpose) => boolean,
    run: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    for (const { purpose: other, flight } of this.#open) {
      if (!flight.abandoned && serves(other)) return flight.join(signal);
    }
    const entry = {
      purpose,
      flight: new Flight(async (abandoned) => {
        try {
          return await run(abandoned);
        } finally {
          this.#open.delete(entry);
        }
      }),
    };
    this.#open.add(entry);
    return entry.flight.join(signal);
  }
}
