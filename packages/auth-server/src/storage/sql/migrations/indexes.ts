import { sql } from 'kysely';
import type { Queries } from '../sql-database.js';

/**
 * Indexes that hold only what is looked for: the questions that wait for an answer, which are counted for each new one of
 * the agent, and the denials of a person. What has been answered otherwise is in neither. Two that nothing asked go, since
 * each code and each refresh token paid for them.
 */
export async function indexes({ schema }: Queries): Promise<void> {
  await schema
    .createIndex('pending_decisions_undecided')
    .on('pending_decisions')
    .columns(['agent', 'expires_at'])
    .where(sql.ref('outcome'), 'is', null)
    .execute();
  await schema.dropIndex('pending_decisions_agent').execute();
  await schema
    .createIndex('pending_decisions_denied')
    .on('pending_decisions')
    .columns(['claimed_by', 'agent', 'decided_at'])
    .where(sql.ref('outcome'), '=', sql.lit('denied'))
    .execute();
  await schema.dropIndex('pending_decisions_claim').execute();
  await schema.dropIndex('codes_grant').execute();
  await schema.dropIndex('refresh_tokens_user').execute();
}
