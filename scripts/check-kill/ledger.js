/** What must be true of the rows themselves, whatever has been answered. */
import { sql } from 'kysely';
import { openDatabase } from '../../packages/auth-server/dist/storage/open-database.js';
import { BrokenPromise } from './history.js';

/** Each of these finds nothing in a database in which every step was kept whole or not at all. */
const NEVER = {
  'a code that was spent has no refresh token': sql`
    select code_hash from codes left join refresh_tokens on hash = refresh_token_hash
      where redeemed_at is not null and hash is null`,
  'a refresh token does not come from a code that was spent': sql`
    select hash from refresh_tokens
      left join codes on refresh_token_hash = hash and redeemed_at is not null
      where code_hash is null`,
  'a refresh token outlives its grant': sql`
    select hash from refresh_tokens join grants on grants.id = grant_id
      where refresh_tokens.revoked_at is null and grants.revoked_at is not null`,
  'a refresh token, a code or a session outlives its person': sql`
    select hash from refresh_tokens join users on users.id = user_id
      where revoked_at is null and disabled_at is not null
    union all select code_hash from codes join users on users.id = user_id
      where redeemed_at is null and disabled_at is not null
    union all select id_hash from sessions join users on users.id = user_id
      where disabled_at is not null`,
  'a question has several codes': sql`
    select pending_id_hash from codes group by pending_id_hash having count(*) > 1`,
  'a code comes from a question that was not granted': sql`
    select code_hash from codes join pending_decisions on id_hash = pending_id_hash
      where outcome is null or outcome <> 'granted'`,
};

export class Ledger {
  #answered = new Map();

  /** A token was handed out: it must stand here from now on. */
  answered(jti, story) {
    this.#answered.set(jti, story);
  }

  /**
   * Looks at all of it, while nothing is under way. `lost` has, by agent and subject, how many tokens may have been
   * issued without anybody's having heard of it. Returns the ids of all tokens.
   */
  async verify(url, lost) {
    const { database } = await openDatabase(url, {});
    try {
      return await this.#verify(database, lost);
    } finally {
      await database.close();
    }
  }

  async #verify(database, lost) {
    for (const [what, query] of Object.entries(NEVER)) {
      const [row] = await rowsOf(database, query);
      if (row !== undefined) throw new BrokenPromise(`${what}: ${JSON.stringify(row)}`);
    }
    const rows = await rowsOf(database, sql`select jti, agent, subject from issued_tokens`);
    const known = new Set(rows.map(({ jti }) => jti));
    for (const [jti, story] of this.#answered) {
      if (!known.has(jti)) {
        throw new BrokenPromise(`a token that was handed out is not in the ledger: ${jti}`, story);
      }
    }
    const unheard = new Map();
    for (const { jti, agent, subject } of rows) {
      const key = `${agent} ${subject}`;
      if (!this.#answered.has(jti)) unheard.set(key, (unheard.get(key) ?? 0) + 1);
    }
    for (const [key, count] of unheard) {
      const most = lost.get(key) ?? 0;
      if (count > most) {
        throw new BrokenPromise(
          `the ledger has a token that nobody can have: for ${key} it has ${count} that were not answered, at most ${most} answers were lost`,
        );
      }
    }
    return known;
  }
}

async function rowsOf(database, query) {
  const { rows } = await database.read((queries) => query.execute(queries));
  return rows;
}
