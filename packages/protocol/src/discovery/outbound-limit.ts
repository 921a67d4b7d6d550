import { HostRefused } from './document-fetch.js';

export interface OutboundLimits {
  /** Requests in flight to all hosts together. */
  readonly total: number;
  /** Requests in flight to one host. */
  readonly perHost: number;
}

/** No room for a request right now: says nothing about the host, and is not remembered against it. */
export class NoRoom extends HostRefused {
  constructor() {
    super('too many requests in flight');
  }
}

/** What strangers may take of a limit; the rest is for documents that have been obtained before. */
const strangers = (limit: number): number => Math.max(1, Math.floor(limit * 0.75));

/**
 * Caps requests in flight, per host and in all. Refuses instead of queueing: in a queue, a slow host would delay
 * requests about the others.
 */
export class OutboundLimit {
  readonly #limits: OutboundLimits;
  readonly #hosts = new Map<string, number>();
  #total = 0;

  constructor(limits: OutboundLimits) {
    this.#limits = limits;
  }

  /** Runs `work`, or rejects with {@link NoRoom} at once. `known`: the document has been obtained before. */
  async run<T>(host: string, known: boolean, work: () => Promise<T>): Promise<T> {
    const { total, perHost } = this.#limits;
    const here = this.#hosts.get(host) ?? 0;
    if (
      this.#total >= (known ? total : strangers(total)) ||
      here >= (known ? perHost : strangers(perHost))
    ) {
      throw new NoRoom();
    }
    this.#total++;
    this.#hosts.set(host, here + 1);
    try {
      return await work();
    } finally {
      this.#total--;
      const left = (this.#hosts.get(host) ?? 1) - 1;
      if (left === 0) this.#hosts.delete(host);
      else this.#hosts.set(host, left);
    }
  }
}
