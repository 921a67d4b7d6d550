import type { AccessRequest } from './exploratory/challenge-checks.js';
import type { HeldToken } from './held-token.js';
import { memoryStore } from './memory-store.js';
import { Flights } from './shared-flight.js';
import type { AgentStore } from './store.js';

/** What belongs to one upstream token, and to nobody else. */
export interface UpstreamSession {
  /** Unix seconds: the end of the upstream token, and of everything it was exchanged for. */
  readonly expiresAt: number;
  readonly store: AgentStore;
  readonly exchanging: Flights<AccessRequest, HeldToken>;
}

/** Upstream tokens with something kept for them. One that is forgotten costs another exchange, and nothing else. */
const MAX_SESSIONS = 10_000;

/**
 * Tokens that were got by exchange, by the SHA-256 of the upstream token each came of (PROTOCOL section 5.8). In memory
 * only and apart from the agent's own store: they belong to whoever called, live as long as that call's token at most,
 * and are soon had again.
 */
export class UpstreamSessions {
  readonly #sessions = new Map<string, UpstreamSession>();
  readonly #max: number;

  constructor(max = MAX_SESSIONS) {
    this.#max = max;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session of an upstream token, a new one if there is none. Looking and making are one step. */
  open(hash: string, expiresAt: number, now: number): UpstreamSession {
    const held = this.#sessions.get(hash);
    const session = held ?? { expiresAt, store: memoryStore(), exchanging: new Flights() };
    this.#sessions.delete(hash);
    // Two go for each that comes, as long as they are over, and the one unused for longest when there are too many.
    if (held === undefined) this.#forget(now);
    this.#sessions.set(hash, session);
    return session;
  }

  #forget(now: number): void {
    let looked = 0;
    for (const [hash, { expiresAt }] of this.#sessions) {
      const full = this.#sessions.size >= this.#max;
      if (!full && ++looked > 2) return;
      if (full || expiresAt <= now) this.#sessions.delete(hash);
    }
  }
}
