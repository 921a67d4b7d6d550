import type { ApprovedCode, DecideResult, Decision, LostDecision } from '../pending-decisions.js';
import { approveGrant } from './approve-grant.js';
import { jsonToText } from './json-text.js';
import { isUserEnabled } from './live.js';
import { PreparedQuery } from './prepared-query.js';
import { recordAct } from './record-act.js';
import type { Schema } from './schema.js';
import type { Queries } from './sql-database.js';
import { termsToColumns } from './terms-columns.js';

type Question = Pick<
  Schema['pendingDecisions'],
  | 'idHash'
  | 'agent'
  | 'delegate'
  | 'audience'
  | 'redirectUri'
  | 'expiresAt'
  | 'claimedBy'
  | 'outcome'
>;

/**
 * Answers a question once, inside a write transaction. Who asked, for where, and where the answer goes come from the
 * stored question, never from the caller: what was shown is what is granted.
 */
export async function decide(queries: Queries, decision: Decision): Promise<DecideResult> {
  const { idHash, userId, now, outcome } = decision;
  if (!(await isUserEnabled(queries, userId))) return { won: false, reason: 'user-disabled' };
  const question = await holdQuestion.first(queries, { idHash });
  if (question === undefined) return { won: false, reason: 'unknown' };
  const reason = whyLost(question, userId, now);
  if (reason !== undefined) return { won: false, reason };
  await markDecided.later(queries, { idHash, outcome, now });
  const { agent, delegate, audience } = question;
  const by = 'person';
  const account = userId;
  if (decision.outcome === 'denied') {
    const act = 'access-denied';
    await recordAct(queries, { time: now, act, by, account, agent, delegate, audience });
    return { won: true, grantId: null };
  }
  const { id, scope, document } = decision.grant;
  const approval = { id, scope, document, userId, agent, delegate, audience, now };
  const grant = await approveGrant(queries, approval);
  const act = 'access-granted';
  await recordAct(queries, {
    time: now,
    act,
    by,
    account,
    agent,
    delegate,
    audience,
    scope,
    grant,
  });
  if (decision.code !== undefined) {
    await insertCode(queries, { code: decision.code, question, grantId: grant, userId, now });
  }
  return { won: true, grantId: grant };
}

/** Of all who answer at once, the first one holds it, and the others see what became of it. */
const holdQuestion = new PreparedQuery((queries, { idHash }: Pick<Decision, 'idHash'>) =>
  queries
    .selectFrom('pendingDecisions')
    .select(['idHash', 'agent', 'delegate', 'audience', 'redirectUri'])
    .select(['expiresAt', 'claimedBy', 'outcome'])
    .where('idHash', '=', idHash)
    .forNoKeyUpdate(),
);

const markDecided = new PreparedQuery(
  (queries, { idHash, outcome, now }: Pick<Decision, 'idHash' | 'outcome' | 'now'>) =>
    queries
      .updateTable('pendingDecisions')
      .set({ outcome, decidedAt: now })
      .where('idHash', '=', idHash),
);

function whyLost(question: Question, userId: string, now: number): LostDecision | undefined {
  if (question.outcome !== null) return 'already-decided';
  if (question.expiresAt <= now) return 'expired';
  if (question.claimedBy === null) return 'not-claimed';
  if (question.claimedBy !== userId) return 'claimed-by-another';
  return undefined;
}

async function insertCode(
  queries: Queries,
  made: { code: ApprovedCode; question: Question; grantId: string; userId: string; now: number },
): Promise<void> {
  const { code, question, grantId, userId, now } = made;
  const { accessEndsAt, encryptionJwk } = termsToColumns(code);
  await insert.later(queries, {
    codeHash: code.hash,
    pendingIdHash: question.idHash,
    grantId,
    userId,
    subject: code.subject,
    agent: question.agent,
    delegate: question.delegate,
    audience: question.audience,
    scope: code.scope,
    claims: jsonToText(code.claims),
    redirectUri: question.redirectUri,
    createdAt: now,
    expiresAt: code.expiresAt,
    redeemedAt: null,
    refreshTokenHash: null,
    accessEndsAt,
    encryptionJwk,
  });
}

const insert = new PreparedQuery((queries, row: Schema['codes']) => {
  const { codeHash, pendingIdHash, grantId, userId, subject, agent, delegate, audience } = row;
  const { scope, claims, redirectUri, createdAt, expiresAt, redeemedAt } = row;
  const { refreshTokenHash, accessEndsAt, encryptionJwk } = row;
  return queries.insertInto('codes').values({
    codeHash,
    pendingIdHash,
    grantId,
    userId,
    subject,
    agent,
    delegate,
    audience,
    scope,
    claims,
    redirectUri,
    createdAt,
    expiresAt,
    redeemedAt,
    refreshTokenHash,
    accessEndsAt,
    encryptionJwk,
  });
});
