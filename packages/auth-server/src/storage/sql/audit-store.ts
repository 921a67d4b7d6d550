import { setImmediate as othersTurn } from 'node:timers/promises';
import type { AuditHead } from '../../audit/audit-entry.js';
import { CHAIN_START, chainHash } from '../../audit/chain.js';
import { timeOf } from '../../audit/verify-trail.js';
import type { AuditStore } from '../audit.js';
import { deleteRows, insertRows } from './insert-rows.js';
import { recordAct } from './record-act.js';
import { count, type Queries, type SqlDatabase } from './sql-database.js';

/** Rows of one transaction: others are not kept waiting for longer than a few milliseconds. */
const BATCH = 200;
/** Who appends to the chain, or cuts it, does so alone. */
const ALONE = { alone: ['audit trail'] };

export function auditStore(database: SqlDatabase): AuditStore {
  return {
    record: (entry) => database.write((queries) => recordAct(queries, entry)),

    seal: async () => {
      let head: AuditHead | undefined;
      for (;;) {
        const sealed = await sealBatch(database);
        head = sealed.head ?? head;
        if (sealed.entries < BATCH) return head;
        await othersTurn();
      }
    },

    countUnsealed: () =>
      database.read(async (queries) => {
        const { unsealed } = await queries
          .selectFrom('auditPending')
          .select(({ fn }) => fn.countAll().as('unsealed'))
          .executeTakeFirstOrThrow();
        return Number(unsealed);
      }),

    start: () => database.read(startOf),

    head: () => database.read(headOf),

    read: ({ from, limit }) =>
      database.read((queries) =>
        queries
          .selectFrom('auditEntries')
          .selectAll()
          .where('sequence', '>=', from)
          .orderBy('sequence')
          .limit(limit)
          .execute(),
      ),

    firstSince: (time) => database.read((queries) => firstSince(queries, time)),

    prune: async (before, now) => {
      // Also what an earlier attempt did not come to, which was interrupted after that.
      const cut = (await cutAt(database, before, now)) ?? (await database.read(startOf));
      if (cut.sequence === 0) return 0;
      let pruned = 0;
      for (;;) {
        const gone = await deleteBatch(database, cut);
        pruned += gone;
        if (gone < BATCH) return pruned;
        await othersTurn();
      }
    },
  };
}

async function sealBatch(
  database: SqlDatabase,
): Promise<{ readonly entries: number; readonly head?: AuditHead }> {
  // Nearly always there is nothing: a look is cheaper than a transaction.
  if (!(await database.read(hasPending))) return { entries: 0 };
  return await database.write(async (queries) => {
    const pending = await queries
      .selectFrom('auditPending')
      .selectAll()
      .orderBy('id')
      .limit(BATCH)
      .execute();
    if (pending.length === 0) return { entries: 0 };
    let head = await headOf(queries);
    const entries = pending.map(({ text }) => {
      const sequence = head.sequence + 1;
      const hash = chainHash(head.hash, sequence, text);
      head = { sequence, hash };
      return [sequence, timeOf(text), text, hash];
    });
    const columns = ['sequence', 'recorded_at', 'text', 'hash'];
    await insertRows(queries, 'audit_entries', columns, entries);
    await deleteRows(
      queries,
      'audit_pending',
      'id',
      pending.map(({ id }) => id),
    );
    return { entries: entries.length, head };
  }, ALONE);
}

async function hasPending(queries: Queries): Promise<boolean> {
  const row = await queries.selectFrom('auditPending').select('id').limit(1).executeTakeFirst();
  return row !== undefined;
}

async function startOf(queries: Queries): Promise<AuditHead> {
  const row = await queries
    .selectFrom('auditStarts')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? CHAIN_START;
}

async function headOf(queries: Queries): Promise<AuditHead> {
  const row = await queries
    .selectFrom('auditEntries')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? (await startOf(queries));
}

async function firstSince(queries: Queries, time: number): Promise<number | undefined> {
  const { first } = await queries
    .selectFrom('auditEntries')
    .select(({ fn }) => fn.min('sequence').as('first'))
    .where('recordedAt', '>=', time)
    .executeTakeFirstOrThrow();
  return first === null ? undefined : Number(first);
}

/** Fixes where the chain will begin; undefined when nothing is old enough. */
async function cutAt(
  database: SqlDatabase,
  before: number,
  now: number,
): Promise<AuditHead | undefined> {
  return await database.write(async (queries) => {
    const head = await headOf(queries);
    const start = await startOf(queries);
    const kept = await firstSince(queries, before);
    const last = Math.min(kept ?? head.sequence, head.sequence) - 1;
    if (last <= start.sequence) return undefined;
    const cut: AuditHead = await queries
      .selectFrom('auditEntries')
      .select(['sequence', 'hash'])
      .where('sequence', '=', last)
      .executeTakeFirstOrThrow();
    await queries
      .insertInto('auditStarts')
      .values({ ...cut, prunedAt: now })
      .execute();
    await recordAct(queries, { time: now, act: 'trail-pruned', sequence: last });
    return cut;
  }, ALONE);
}

async function deleteBatch(database: SqlDatabase, { sequence }: AuditHead): Promise<number> {
  return await database.write(async (queries) => {
    const old = queries
      .selectFrom('auditEntries')
      .select('sequence')
      .where('sequence', '<=', sequence)
      .orderBy('sequence')
      .limit(BATCH);
    const result = await queries
      .deleteFrom('auditEntries')
      .where('sequence', 'in', old)
      .executeTakeFirst();
    return count(result);
  }, ALONE);
}
