import { describe, expect, it } from 'vitest';
import type { CodeRedemption } from '../../../src/storage/index.js';
import {
  approvedCode,
  claimedQuestion,
  type Contract,
  grantWith,
  hundred,
  newCode,
  NOW,
  redemption,
  refresh,
} from './fixtures.js';

export function codeContract({ storage, connect }: Contract): void {
  const redeem = (changes: Partial<CodeRedemption> = {}) =>
    storage().codes.redeem(redemption(changes));
  const refused = (reason: string) => ({ outcome: 'refused', reason });

  describe('codes', () => {
    it('are redeemed once and leave a refresh token, a ledger row and a delivered decision', async () => {
      await approvedCode(storage());
      expect(await redeem()).toMatchObject({
        outcome: 'redeemed',
        code: { scope: 'data.read', redeemedAt: NOW + 1, refreshTokenHash: 'refresh' },
      });
      expect(await storage().issuedTokens.find('jti-1')).toEqual({
        jti: 'jti-1',
        kind: 'auth',
        agent: 'https://agent.example',
        delegate: null,
        audience: 'https://resource.example',
        subject: 'subject-ana',
        grantId: 'grant',
        parentJti: null,
        issuedAt: NOW + 1,
        expiresAt: NOW + 3601,
      });
      expect(await storage().refreshTokens.use(refresh())).toMatchObject({
        grantId: 'grant',
        userId: 'id-ana',
        scope: 'data.read',
        claims: { name: 'Ana' },
        createdAt: NOW + 1,
      });
      expect((await storage().pendingDecisions.find('pending'))?.deliveredAt).toBe(NOW + 1);
    });

    it('may be redeemed without naming the redirect URI, and without a refresh token', async () => {
      await approvedCode(storage());
      const result = await redeem({ redirectUri: undefined, refreshTokenHash: null });
      expect(result.outcome).toBe('redeemed');
      expect(await storage().refreshTokens.use(refresh())).toBeUndefined();
    });

    it.each<[string, Partial<CodeRedemption>, string]>([
      ['an unknown code', { codeHash: 'other' }, 'unknown'],
      ['another agent', { agent: 'https://other.example' }, 'foreign'],
      ['a delegate, where the agent itself asked', { delegate: 'phone' }, 'foreign'],
      ['another redirect URI', { redirectUri: 'https://agent.example/' }, 'redirect-uri-mismatch'],
      ['a time after its end', { now: NOW + 60 }, 'expired'],
    ])('are refused for %s, and not spent', async (_case, changes, reason) => {
      await approvedCode(storage());
      expect(await redeem(changes)).toEqual(refused(reason));
      expect(await storage().issuedTokens.find('jti-1')).toBeUndefined();
      expect((await redeem({ now: NOW + 59 })).outcome).toBe('redeemed');
    });

    it('of a delegate are refused to its agent and to another delegate', async () => {
      await approvedCode(storage(), { delegate: 'phone' });
      expect(await redeem()).toEqual(refused('foreign'));
      expect(await redeem({ delegate: 'laptop' })).toEqual(refused('foreign'));
      expect((await redeem({ delegate: 'phone' })).outcome).toBe('redeemed');
    });

    it('are refused after the grant has been revoked, even once it has been given again', async () => {
      await approvedCode(storage());
      await storage().grants.revoke({ id: 'grant', now: NOW });
      expect(await redeem()).toEqual(refused('revoked'));
      const again = await claimedQuestion(storage(), 'again');
      await grantWith(storage(), again, newCode('code-2'), { id: 'grant-2' });
      expect(await redeem()).toEqual(refused('revoked'));
      expect((await redeem({ codeHash: 'code-2' })).outcome).toBe('redeemed');
    });

    it('are refused while the person is disabled', async () => {
      await approvedCode(storage());
      await storage().users.disable('id-ana', NOW);
      expect((await redeem()).outcome).toBe('refused');
      expect(await storage().issuedTokens.find('jti-1')).toBeUndefined();
    });

    it('used twice revoke the refresh token of the first use', async () => {
      await approvedCode(storage());
      await redeem();
      const second = { ...refresh().issued, jti: 'jti-9' };
      expect(await redeem({ refreshTokenHash: 'refresh-2', issued: second })).toEqual(
        refused('reused'),
      );
      expect(await storage().refreshTokens.use(refresh())).toBeUndefined();
      expect(await storage().refreshTokens.use(refresh({ hash: 'refresh-2' }))).toBeUndefined();
      expect(await storage().issuedTokens.find('jti-9')).toBeUndefined();
    });

    it('used twice revoke it also after the code’s time', async () => {
      await approvedCode(storage());
      await redeem();
      expect(await redeem({ now: NOW + 3000 })).toEqual(refused('reused'));
      expect(await storage().refreshTokens.use(refresh())).toBeUndefined();
    });

    it('tried by another agent or delegate after their use revoke nothing', async () => {
      await approvedCode(storage());
      await redeem();
      expect(await redeem({ agent: 'https://other.example' })).toEqual(refused('foreign'));
      expect(await redeem({ delegate: 'phone' })).toEqual(refused('foreign'));
      expect(await storage().refreshTokens.use(refresh())).toBeDefined();
    });

    it('have one winner among a hundred attempts on two connections', async () => {
      await approvedCode(storage());
      const other = await connect();
      const results = await hundred((index) =>
        (index % 2 === 0 ? storage() : other).codes.redeem(
          redemption({
            refreshTokenHash: `refresh-${index}`,
            issued: { jti: `jti-${index}`, kind: 'auth', expiresAt: NOW + 3600 },
          }),
        ),
      );
      expect(results.filter(({ outcome }) => outcome === 'redeemed')).toHaveLength(1);
      expect(
        results.filter((result) => 'reason' in result && result.reason === 'reused'),
      ).toHaveLength(99);
      const won = results.findIndex(({ outcome }) => outcome === 'redeemed');
      expect(await storage().issuedTokens.find(`jti-${won}`)).toBeDefined();
      const use = refresh({ hash: `refresh-${won}` });
      expect(await storage().refreshTokens.use(use)).toBeUndefined();
    });
  });
}
