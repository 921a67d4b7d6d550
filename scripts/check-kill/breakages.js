/**
 * Servers that break their promises, to prove that the check finds them: each is the built server with a few changes, and
 * the ways in which it may be found.
 */
const CODES = 'storage/sql/code-store.js';
const REFRESH = 'storage/sql/refresh-token-store.js';
const REDEEM = 'database.write((queries) => redeem(queries, redemption))';

export const breakages = {
  'a code is not marked as spent': {
    edits: [{ file: CODES, from: 'await markSpent.later(queries, redemption);', to: '' }],
    found: /redeemed twice|from a code that was spent/,
  },
  'a token is not written into the ledger': {
    edits: [{ file: CODES, from: 'await insertIssuedToken(queries, token);', to: '' }],
    found: /not in the ledger/,
  },
  'a second token is written into the ledger': {
    edits: [
      {
        file: CODES,
        from: 'await issue(queries, code, redemption);',
        to: `await issue(queries, code, redemption);
             const { jti } = redemption.issued;
             await issue(queries, code, { ...redemption, refreshTokenHash: null, issued: { ...redemption.issued, jti: jti + '2' } });`,
      },
    ],
    found: /a token that nobody can have/,
  },
  'a token is answered before it is committed': {
    edits: [
      {
        file: CODES,
        from: REDEEM,
        to: `new Promise((answer, fail) => {
               const commitLater = (error) => {
                 fail(error);
                 setTimeout(() => void database.write((queries) => redeem(queries, redemption)).catch(() => {}), 500);
               };
               database.write(async (queries) => {
                 answer(await redeem(queries, redemption));
                 throw new Error('not now');
               }).catch(commitLater);
             })`,
      },
    ],
    found: /not in the ledger|redeemed twice|refresh token was lost/,
  },
  'what a code was exchanged for is revoked after the answer': {
    edits: [
      {
        file: CODES,
        from: REDEEM,
        to: '(later = (work) => setTimeout(() => void database.write(work).catch(() => {}), 2_000), database.write((queries) => redeem(queries, redemption)))',
      },
      {
        file: CODES,
        from: 'await revokeFirstUse(queries, code, now);',
        to: 'later((own) => revokeFirstUse(own, code, now));',
      },
      { file: CODES, from: 'async function redeem(', to: 'let later;\nasync function redeem(' },
    ],
    found: /refresh token works after its end/,
  },
  'a code outlives its grant': {
    edits: [{ file: CODES, from: 'if (!live)', to: 'if (false)' }],
    found: /redeemed after it had been withdrawn|refresh token outlives its grant/,
  },
  'a refresh token outlives its grant': {
    edits: [
      { file: REFRESH, from: 'if (!isLive || held', to: 'if (held' },
      {
        file: REFRESH,
        from: ".where('hash', '=', hash) .where('revokedAt', 'is', null)",
        to: ".where('hash', '=', hash)",
      },
    ],
    found: /refresh token works after its end/,
  },
  'a token is not told of in the audit trail': {
    edits: [
      {
        file: CODES,
        from: "await recordIssue(queries, { means: 'code',",
        to: "void (queries, { means: 'code',",
      },
    ],
    found: /audit trail has not got token/,
  },
  'a decision is not kept': {
    edits: [
      {
        file: 'storage/sql/decide.js',
        from: '.set({ outcome, decidedAt: now })',
        to: '.set({ decidedAt: now })',
      },
    ],
    found: /is open again|question that was not granted/,
  },
  'the locks on the file are dropped': {
    only: 'sqlite',
    edits: [
      { file: 'storage/sqlite/open-sqlite.js', from: 'if (existsSync(path))', to: 'if (false)' },
    ],
    // Anything may be lost with a journal that was cleared away.
    found: /./,
  },
  'an answer does not wait for the disk': {
    only: 'power',
    edits: [
      { file: 'storage/sqlite/sync-line.js', from: 'await this.#sync();', to: 'await null;' },
    ],
    // Anything may be lost.
    found: /./,
  },
  'who commits while the disk is busy does not wait for it': {
    only: 'power',
    edits: [
      {
        file: 'storage/sqlite/sync-line.js',
        from: 'this.#waiting.push(committed);',
        to: 'if (this.isBusy) return committed.committed(); this.#waiting.push(committed);',
      },
    ],
    found: /./,
  },
  'another file is synced than the journal': {
    only: 'power',
    edits: [
      {
        file: 'storage/sqlite/journal.js',
        from: 'this.#path = `${database}-wal`;',
        to: 'this.#path = database;',
      },
    ],
    found: /./,
  },
  'repeats are forgotten with the process': {
    edits: [
      {
        file: 'storage/sql/replay-store.js',
        from: 'insert.run(queries, { key,',
        to: 'insert.run(queries, { key: `${key} ${process.pid}`,',
      },
    ],
    found: /accepted a second time/,
  },
};
