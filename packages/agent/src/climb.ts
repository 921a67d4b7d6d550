import type { Clock } from '@countersign/protocol';
import type { Signing } from './reaction.js';

/** How much an agent may prove of itself, weakest first. */
export type Climb = 'signature' | 'identity' | 'authorization';

const RANKS: Readonly<Record<Climb, number>> = { signature: 0, identity: 1, authorization: 2 };

/** True when an agent that may climb to `climb` may prove `level`. */
export function mayProve(climb: Climb, level: Climb): boolean {
  return RANKS[climb] >= RANKS[level];
}

/** The level that a way of signing proves. */
export function levelOf({ by }: Pick<Signing, 'by'>): Climb {
  const levels = {
    key: 'signature',
    identity: 'identity',
    token: 'authorization',
    upstream: 'authorization',
  } as const;
  return levels[by];
}

/** How long a level is begun with before the lowest one is tried again, in seconds. */
export const LEVEL_SECONDS = 600;
/** Origins remembered, over all people. */
const MAX_LEVELS = 1_000;

/**
 * Up to which level a person's calls have climbed at each origin, so that not every call begins with a request in vain.
 * Only for a while: what asked for more may have been a limit that is free again, or another address of that origin.
 */
export class ClimbedLevels {
  readonly #clock: Clock;
  readonly #levels = new Map<string, { readonly level: Climb; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(personKey: string, origin: string): Climb | undefined {
    const found = this.#levels.get(keyOf(personKey, origin));
    return found !== undefined && found.until > this.#clock() ? found.level : undefined;
  }

  set(personKey: string, origin: string, level: Climb): void {
    const key = keyOf(personKey, origin);
    this.#levels.delete(key);
    this.#levels.set(key, { level, until: this.#clock() + LEVEL_SECONDS });
    const [oldest] = this.#levels.keys();
    if (this.#levels.size > MAX_LEVELS && oldest !== undefined) this.#levels.delete(oldest);
  }
}

function keyOf(personKey: string, origin: string): string {
  return JSON.stringify([personKey, origin]);
}
