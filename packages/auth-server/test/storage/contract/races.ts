import { describe, expect, it } from 'vitest';
import type { IssuedTokenRecord, Storage } from '../../../src/storage/index.js';
import {
  AGENT,
  type Contract,
  grantWith,
  hundred,
  MANY,
  newCode,
  newQuestion,
  newSession,
  newUser,
  NOW,
  redemption,
  refresh,
  RESOURCE,
} from './fixtures.js';

const ROUNDS = 6;

/** What one process does while another one does the opposite: whichever comes first, nothing is left standing. */
export function raceContract({ storage, connect }: Contract): void {
  /** A person of the round with a question that they have claimed. */
  async function claimed(round: string, agent = AGENT) {
    const by = { idHash: `pending-${round}`, userId: `id-${round}` };
    await storage().users.create(newUser(round));
    await storage().pendingDecisions.create(newQuestion(by.idHash, { agent }), MANY);
    await storage().pendingDecisions.claim(by.idHash, by.userId, NOW);
    return by;
  }

  const approve = (on: Storage, by: { idHash: string; userId: string }, round: string) =>
    grantWith(on, by, newCode(`code-${round}`), { id: `grant-${round}` });

  const issued = (jti: string) => ({ jti, kind: 'auth', expiresAt: NOW + 7200 });

  const redeem = (on: Storage, round: string, jti = `jti-${round}`) =>
    on.codes.redeem(
      redemption({
        codeHash: `code-${round}`,
        refreshTokenHash: `refresh-${jti}`,
        issued: issued(jti),
      }),
    );

  const use = (on: Storage, hash: string, jti: string) =>
    on.refreshTokens.use(refresh({ hash, issued: issued(jti) }));

  const ledgerRow = (round: string, jti: string): IssuedTokenRecord => ({
    ...issued(jti),
    agent: AGENT,
    delegate: null,
    audience: RESOURCE,
    subject: null,
    grantId: `grant-${round}`,
    parentJti: null,
    issuedAt: NOW,
  });

  async function rounds(race: (round: string, other: Storage) => Promise<void>): Promise<void> {
    const other = await connect();
    await Promise.all(Array.from({ length: ROUNDS }, (_, index) => race(`r${index}`, other)));
  }

  describe('two processes at once', () => {
    it('approve and disable the person: no code is left that could be redeemed', async () => {
      await rounds(async (round, other) => {
        const by = await claimed(round);
        const [decision] = await Promise.all([
          approve(storage(), by, round),
          other.users.disable(by.userId, NOW),
        ]);
        if (!decision.won) expect(decision.reason).toBe('user-disabled');
        await other.users.enable(by.userId, NOW);
        expect(await redeem(storage(), round)).toMatchObject({ reason: 'unknown' });
      });
    });

    it('redeem a code and disable the person: no refresh token is left', async () => {
      await rounds(async (round, other) => {
        const by = await claimed(round);
        await approve(storage(), by, round);
        await Promise.all([redeem(storage(), round), other.users.disable(by.userId, NOW)]);
        await other.users.enable(by.userId, NOW);
        expect(await use(storage(), `refresh-jti-${round}`, `late-${round}`)).toBeUndefined();
      });
    });

    it('redeem a code and revoke the grant: no refresh token is left', async () => {
      await rounds(async (round, other) => {
        await approve(storage(), await claimed(round), round);
        const [, revoked] = await Promise.all([
          redeem(storage(), round),
          other.grants.revoke({ id: `grant-${round}`, now: NOW }),
        ]);
        expect(revoked).toBe(true);
        expect(await use(storage(), `refresh-jti-${round}`, `late-${round}`)).toBeUndefined();
        expect(await storage().issuedTokens.insert(ledgerRow(round, `x-${round}`))).toBe(false);
      });
    });

    it('refresh, issue and revoke: nothing is issued once the revocation has been answered', async () => {
      await rounds(async (round, other) => {
        await approve(storage(), await claimed(round), round);
        await redeem(storage(), round);
        let revoked = false;
        const work = Array.from({ length: 6 }, async (_, index) => {
          const tooLate = revoked;
          const jti = `${round}-${index}`;
          const done =
            index % 2 === 0
              ? (await use(storage(), `refresh-jti-${round}`, jti)) !== undefined
              : await storage().issuedTokens.insert(ledgerRow(round, jti));
          expect(tooLate && done).toBe(false);
        });
        const revoking = other.grants.revoke({ id: `grant-${round}`, now: NOW }).then(() => {
          revoked = true;
        });
        await Promise.all([...work, revoking]);
        expect(await use(storage(), `refresh-jti-${round}`, `late-${round}`)).toBeUndefined();
        expect(await storage().issuedTokens.isLive(`jti-${round}`)).toBe(false);
      });
    });

    it('approve more and revoke: what was approved belongs to a grant that stands, or is refused', async () => {
      await rounds(async (round, other) => {
        const agent = `https://${round}.example`;
        const by = await claimed(round, agent);
        await approve(storage(), by, round);
        const more = { ...by, idHash: `more-${round}` };
        await storage().pendingDecisions.create(newQuestion(more.idHash, { agent }), MANY);
        await storage().pendingDecisions.claim(more.idHash, more.userId, NOW);
        const [decision] = await Promise.all([
          approve(storage(), more, `more-${round}`),
          other.grants.revoke({ id: `grant-${round}`, now: NOW }),
        ]);
        expect(decision.won).toBe(true);
        const widened = 'grantId' in decision && decision.grantId === `grant-${round}`;
        const result = await storage().codes.redeem(
          redemption({
            codeHash: `code-more-${round}`,
            agent,
            issued: issued(`more-${round}`),
            refreshTokenHash: null,
          }),
        );
        expect(result).toMatchObject(widened ? { reason: 'revoked' } : { outcome: 'redeemed' });
      });
    });

    it('grant directly and revoke: the refresh token is as dead or alive as the grant it names', async () => {
      await rounds(async (round, other) => {
        const agent = `https://${round}.example`;
        const direct = (id: string) => ({
          grant: { id, agent, delegate: null, audience: RESOURCE, scope: 'data.read' },
          refreshToken: { hash: `refresh-${id}`, claims: {} },
          issued: issued(`jti-${id}`),
          now: NOW,
        });
        await storage().grants.issueDirectly(direct(`first-${round}`));
        const [grantId] = await Promise.all([
          storage().grants.issueDirectly(direct(`second-${round}`)),
          other.grants.revoke({ id: `first-${round}`, now: NOW }),
        ]);
        const token = refresh({
          hash: `refresh-second-${round}`,
          agent,
          issued: issued(`late-${round}`),
        });
        const used = await storage().refreshTokens.use(token);
        expect(used !== undefined).toBe(grantId === `second-${round}`);
      });
    });

    it('sign in and disable the person: no session is left', async () => {
      await rounds(async (round, other) => {
        await storage().users.create(newUser(round));
        const userId = `id-${round}`;
        await storage().sessions.create(newSession(`before-${round}`));
        await Promise.all([
          storage().sessions.create(newSession(`session-${round}`, { userId })),
          storage().sessions.replace(`before-${round}`, newSession(`after-${round}`, { userId })),
          other.users.disable(userId, NOW),
        ]);
        await other.users.enable(userId, NOW);
        expect(await storage().sessions.find(`session-${round}`, NOW)).toBeUndefined();
        expect(await storage().sessions.find(`after-${round}`, NOW)).toBeUndefined();
      });
    });

    it('open a question as two people: it belongs to one of them', async () => {
      await rounds(async (round, other) => {
        const idHash = `pending-${round}`;
        const people = [`ana-${round}`, `bob-${round}`];
        for (const name of people) await storage().users.create(newUser(name));
        await storage().pendingDecisions.create(newQuestion(idHash), MANY);
        const claims = await Promise.all([
          storage().pendingDecisions.claim(idHash, `id-${people[0]}`, NOW),
          other.pendingDecisions.claim(idHash, `id-${people[1]}`, NOW),
        ]);
        expect(claims.toSorted()).toEqual(['claimed', 'claimed-by-another']);
      });
    });

    it('accept one request a hundred times: it is fresh once, and again once it is forgotten', async () => {
      const other = await connect();
      const remember = (now: number) =>
        hundred((index) =>
          (index % 2 === 0 ? storage() : other).replay.remember(
            { key: 'key', owner: AGENT, created: now, expiresAt: now + 61 },
            now,
          ),
        );
      const first = await remember(NOW);
      expect(first.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
      expect(first.filter((verdict) => verdict === 'replayed')).toHaveLength(99);
      const [again] = await Promise.all([
        remember(NOW + 61),
        storage().sweep(NOW + 61, { refreshAbsoluteSeconds: 1 }),
        other.sweep(NOW + 61, { refreshAbsoluteSeconds: 1 }),
      ]);
      expect(again.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
    });

    it('sweep: every row goes once', async () => {
      const other = await connect();
      for (let index = 0; index < 40; index++) {
        await storage().sessions.create(newSession(`session-${index}`));
      }
      const options = { refreshAbsoluteSeconds: 1, batch: 7 };
      const swept = await Promise.all([
        storage().sweep(NOW + 3600, options),
        other.sweep(NOW + 3600, options),
      ]);
      expect(swept[0] + swept[1]).toBe(40);
    });
  });
}
