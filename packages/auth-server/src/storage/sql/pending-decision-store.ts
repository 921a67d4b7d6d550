import { sql } from 'kysely';
import type {
  ClaimResult,
  NewPendingDecision,
  PendingDecision,
  PendingDecisionStore,
} from '../pending-decisions.js';
import { decide } from './decide.js';
import { jsonFromText, jsonToText } from './json-text.js';
import { PreparedQuery } from './prepared-query.js';
import { recordAct } from './record-act.js';
import type { Schema } from './schema.js';
import { changed, type Queries, type SqlDatabase } from './sql-database.js';

export function pendingDecisionStore(database: SqlDatabase): PendingDecisionStore {
  return {
    create: (decision, { maxPendingPerAgent }, ruling) => {
      const { agent, delegate, audience, createdAt } = decision;
      // Alone: questions that come at the same time must count one another.
      const alone = [`questions of ${agent}`];
      return database.write(
        async (queries) => {
          const waiting = await countWaiting(queries, agent, createdAt);
          if (waiting >= maxPendingPerAgent) return 'too-many-pending';
          await insert(queries, decision);
          await recordAct(queries, {
            time: createdAt,
            act: 'question-asked',
            by: 'policy',
            agent,
            delegate,
            audience,
            ...ruling,
          });
          return 'created';
        },
        { alone },
      );
    },

    roomAt: (agent, now, { maxPendingPerAgent }) =>
      database.read(async (queries) => {
        const latest = await queries
          .selectFrom('pendingDecisions')
          .select('expiresAt')
          .where('agent', '=', agent)
          .where('expiresAt', '>', now)
          .where('outcome', 'is', null)
          .orderBy('expiresAt', 'desc')
          .limit(maxPendingPerAgent)
          .execute();
        return latest.length < maxPendingPerAgent ? now : (latest.at(-1)?.expiresAt ?? now);
      }),

    deniedAt: ({ agent, userId, since, nth }) =>
      database.read(async (queries) => {
        const row = await findDenial.first(queries, { agent, userId, since, before: nth - 1 });
        return row?.decidedAt ?? undefined;
      }),

    find: (idHash) => database.read((queries) => find(queries, idHash)),

    claim: (idHash, userId, now) =>
      database.write((queries) => claim(queries, idHash, userId, now)),

    release: (idHash, userId) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('pendingDecisions')
          .set({ claimedBy: null, claimedAt: null })
          .where('idHash', '=', idHash)
          .where('claimedBy', '=', userId)
          .where('outcome', 'is', null)
          .executeTakeFirst();
        return changed(result);
      }),

    decide: (decision) => database.write((queries) => decide(queries, decision)),

    deliver: (idHash, now) =>
      database.write(async (queries) => {
        const result = await queries
          .updateTable('pendingDecisions')
          .set({ deliveredAt: now })
          .where('idHash', '=', idHash)
          .where('outcome', 'is not', null)
          .where('deliveredAt', 'is', null)
          .executeTakeFirst();
        return changed(result);
      }),
  };
}

interface Denial {
  readonly agent: string;
  readonly userId: string;
  readonly since: number;
  /** How many later ones are passed over. */
  readonly before: number;
}

const findDenial = new PreparedQuery((queries, { agent, userId, since, before }: Denial) =>
  queries
    .selectFrom('pendingDecisions')
    .select('decidedAt')
    .where('claimedBy', '=', userId)
    .where('agent', '=', agent)
    // Said in the statement itself, as in the index; a parameter might be anything.
    .where('outcome', '=', sql.lit('denied'))
    .where('decidedAt', '>', since)
    .orderBy('decidedAt', 'desc')
    .limit(1)
    .offset(before),
);

async function countWaiting(queries: Queries, agent: string, now: number): Promise<number> {
  const row = await selectWaiting.first(queries, { agent, now });
  return Number(row?.waiting);
}

const selectWaiting = new PreparedQuery((queries, { agent, now }: { agent: string; now: number }) =>
  queries
    .selectFrom('pendingDecisions')
    .select((expression) => expression.fn.countAll().as('waiting'))
    .where('agent', '=', agent)
    .where('expiresAt', '>', now)
    .where('outcome', 'is', null),
);

async function insert(queries: Queries, decision: NewPendingDecision): Promise<void> {
  const { idHash, agent, delegate, audience, question } = decision;
  const { redirectUri, state, createdAt, expiresAt } = decision;
  await insertRow.later(queries, {
    idHash,
    agent,
    delegate,
    audience,
    redirectUri,
    state,
    createdAt,
    expiresAt,
    question: jsonToText(question),
  });
}

type Row = Schema['pendingDecisions'];
/** Filled in as the question is answered. */
type Later = 'claimedBy' | 'claimedAt' | 'outcome' | 'decidedAt' | 'deliveredAt';

const insertRow = new PreparedQuery((queries, row: Omit<Row, Later>) => {
  const { idHash, agent, delegate, audience, redirectUri } = row;
  const { state, createdAt, expiresAt, question } = row;
  return queries.insertInto('pendingDecisions').values({
    idHash,
    agent,
    delegate,
    audience,
    redirectUri,
    state,
    createdAt,
    expiresAt,
    question,
    claimedBy: null,
    claimedAt: null,
    outcome: null,
    decidedAt: null,
    deliveredAt: null,
  });
});

async function find(queries: Queries, idHash: string): Promise<PendingDecision | undefined> {
  const row = await findRow.first(queries, { idHash });
  return row === undefined ? undefined : { ...row, question: jsonFromText(row.question) };
}

function selectRow(queries: Queries, { idHash }: Pick<Row, 'idHash'>) {
  return queries.selectFrom('pendingDecisions').selectAll().where('idHash', '=', idHash);
}

const findRow = new PreparedQuery(selectRow);
const holdRow = new PreparedQuery((queries, row: Pick<Row, 'idHash'>) =>
  selectRow(queries, row).forNoKeyUpdate(),
);

/** Claims what is open and nobody's. */
const claimFree = new PreparedQuery(
  (queries, { idHash, userId, now }: { idHash: string; userId: string; now: number }) =>
    queries
      .updateTable('pendingDecisions')
      .set({ claimedBy: userId, claimedAt: now })
      .where('idHash', '=', idHash)
      .where('claimedBy', 'is', null)
      .where('outcome', 'is', null)
      .where('expiresAt', '>', now),
);

async function claim(
  queries: Queries,
  idHash: string,
  userId: string,
  now: number,
): Promise<ClaimResult> {
  if ((await claimFree.run(queries, { idHash, userId, now })) > 0) return 'claimed';
  const pending = await holdRow.first(queries, { idHash });
  if (pending === undefined || pending.outcome !== null || pending.expiresAt <= now) {
    return 'unavailable';
  }
  if (pending.claimedBy !== null) {
    return pending.claimedBy === userId ? 'already-claimed-by-you' : 'claimed-by-another';
  }
  // Given back since the first attempt, and held now.
  await claimFree.run(queries, { idHash, userId, now });
  return 'claimed';
}
