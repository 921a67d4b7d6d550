import type { Storage, StorageHealth } from '@countersign/auth-server';

const LONGEST_MILLISECONDS = 2_000;
/** Whoever asks all the time asks the database no more often than this. */
const FRESH_MILLISECONDS = 1_000;

/** Why the server cannot be sent requests; says nothing of what is behind it. */
export type Unready = 'draining' | 'database' | 'migrations' | 'signing-key';

export interface Readiness {
  /** From now on the answer is no. */
  drain(): void;
  unready(): Promise<Unready | undefined>;
  /** What the database answered, within two seconds. */
  health(): Promise<StorageHealth | undefined>;
}

export interface ReadinessOptions {
  readonly clock: () => number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
  readonly longestMilliseconds?: number;
}

/** Looks at the database when somebody asks: one question at a time, and never longer than two seconds. */
export function createReadiness(
  { health: store }: Pick<Storage, 'health'>,
  options: ReadinessOptions,
): Readiness {
  const { now = () => performance.now(), longestMilliseconds = LONGEST_MILLISECONDS } = options;
  let draining = false;
  let asking: Promise<StorageHealth | undefined> | undefined;
  let known: { readonly health: StorageHealth | undefined; readonly at: number } | undefined;
  const ask = async (): Promise<StorageHealth | undefined> => {
    const answered = store.check(options.clock()).catch(() => undefined);
    answered.finally(() => (asking = undefined)).catch(() => undefined);
    const found = await answered;
    known = { health: found, at: now() };
    return found;
  };
  const health = async (): Promise<StorageHealth | undefined> => {
    if (known !== undefined && now() - known.at < FRESH_MILLISECONDS) return known.health;
    // One that hangs is not asked again beside it.
    asking ??= ask();
    return await within(asking, longestMilliseconds);
  };
  return {
    drain: () => {
      draining = true;
    },
    health,
    unready: async () => {
      if (draining) return 'draining';
      const found = await health();
      if (found === undefined) return 'database';
      if (found.missingMigrations.length > 0) return 'migrations';
      if (!found.signingKeys.some(({ state }) => state === 'signing')) return 'signing-key';
      return undefined;
    },
  };
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
