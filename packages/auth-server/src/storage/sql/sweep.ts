import { setImmediate as othersTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { SweepOptions } from '../storage.js';
import { closeEndedGrants } from './close-ended-grants.js';
import type { Schema } from './schema.js';
import type { SqlDatabase } from './sql-database.js';

const DEFAULT_BATCH = 500;
const DAY = 24 * 60 * 60;

interface Retention {
  readonly table: keyof Schema;
  readonly key: readonly string[];
  /** Deleted when this is not later than `now` minus `keepSeconds`. */
  readonly time: string;
  readonly keepSeconds: number;
}

function retentions(refreshAbsoluteSeconds: number): readonly Retention[] {
  return [
    { table: 'sessions', key: ['idHash'], time: 'expiresAt', keepSeconds: 0 },
    // A day longer than they live: a page can still say what became of them, and a second use is still noticed.
    { table: 'codes', key: ['codeHash'], time: 'expiresAt', keepSeconds: DAY },
    { table: 'pendingDecisions', key: ['idHash'], time: 'expiresAt', keepSeconds: DAY },
    {
      table: 'refreshTokens',
      key: ['hash'],
      time: 'createdAt',
      keepSeconds: refreshAbsoluteSeconds,
    },
    // Longer than the clocks of replicas may differ.
    { table: 'limitCounters', key: ['counterKey', 'endsAt'], time: 'endsAt', keepSeconds: 60 },
    { table: 'replayEntries', key: ['entryKey'], time: 'expiresAt', keepSeconds: 0 },
    // Longer than any skew allowance (PROTOCOL 3), within which an expired token is still accepted.
    { table: 'issuedTokens', key: ['jti'], time: 'expiresAt', keepSeconds: 60 },
    // Longer than any sensible window of the limits.
    {
      table: 'signInAttempts',
      key: ['account', 'address', 'attemptedAt'],
      time: 'attemptedAt',
      keepSeconds: DAY,
    },
    {
      table: 'signInAddresses',
      key: ['account', 'address'],
      time: 'lastSignInAt',
      keepSeconds: 90 * DAY,
    },
  ];
}

/** Deletes what has outlived its use, and closes grants that have ended. Returns how many rows went, not counting those that went with another. */
export async function sweep(
  database: SqlDatabase,
  now: number,
  { refreshAbsoluteSeconds, batch = DEFAULT_BATCH }: SweepOptions,
): Promise<number> {
  let total = 0;
  for (const retention of retentions(refreshAbsoluteSeconds)) {
    total += await inBatches(batch, () => deleteBatch(database, retention, now, batch));
  }
  await inBatches(batch, () => closeEndedGrants(database, now, batch));
  return total;
}

async function inBatches(batch: number, work: () => Promise<number>): Promise<number> {
  let total = 0;
  let done: number;
  do {
    done = await work();
    total += done;
    // The database calls alone never let go of the thread.
    await othersTurn();
  } while (done === batch);
  return total;
}

async function deleteBatch(
  database: SqlDatabase,
  { table, key, time, keepSeconds }: Retention,
  now: number,
  batch: number,
): Promise<number> {
  const columns = sql.join(key.map((name) => sql.ref(name)));
  const isOld = sql`${sql.ref(time)} <= ${now - keepSeconds}`;
  const old = sql`select ${columns} from ${sql.table(table)} where ${isOld} limit ${batch}`;
  // Said twice because a row may get a new time between being chosen and being deleted: an entry remembered anew stays.
  const statement = sql`delete from ${sql.table(table)} where (${columns}) in (${old}) and ${isOld}`;
  // Replicas that sweep at once take turns, rather than wait for each other's rows in a circle.
  const result = await database.write((queries) => statement.execute(queries), {
    alone: ['sweep'],
  });
  return Number(result.numAffectedRows ?? 0n);
}
