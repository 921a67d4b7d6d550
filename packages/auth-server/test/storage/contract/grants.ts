import { describe, expect, it } from 'vitest';
import type { DirectIssue } from '../../../src/storage/index.js';
import {
  AGENT,
  approvedCode,
  claimedQuestion,
  type Contract,
  grantWith,
  hundred,
  newCode,
  NOW,
  redemption,
  refresh,
  RESOURCE,
} from './fixtures.js';

export function grantContract({ storage }: Contract): void {
  const anasKey = { userId: 'id-ana', agent: AGENT, delegate: null, audience: RESOURCE };

  function direct(
    index: number | string,
    changes: Partial<DirectIssue['grant']> = {},
  ): DirectIssue {
    const grant = { agent: AGENT, delegate: null, audience: RESOURCE, scope: 'data.read' };
    return {
      grant: { id: `direct-${index}`, ...grant, ...changes },
      refreshToken: { hash: `refresh-${index}`, claims: {} },
      issued: { jti: `jti-${index}`, kind: 'auth', expiresAt: NOW + 3600 },
      now: NOW,
    };
  }

  describe('grants', () => {
    it('add up what was approved, while each code carries its own approval', async () => {
      await approvedCode(storage());
      const more = await claimedQuestion(storage(), 'more');
      const code = newCode('code-2', { scope: 'data.write' });
      const grant = { id: 'grant-2', scope: 'data.write data.read', now: NOW + 5 };
      expect(await grantWith(storage(), more, code, grant)).toEqual({
        won: true,
        grantId: 'grant',
      });
      expect(await storage().grants.findActive(anasKey)).toEqual({
        ...anasKey,
        id: 'grant',
        scope: 'data.read data.write',
        createdAt: NOW,
        updatedAt: NOW + 5,
        revokedAt: null,
        documentHash: null,
        purpose: null,
        endsAt: null,
      });
      const redeemed = await storage().codes.redeem(redemption({ codeHash: 'code-2' }));
      expect(redeemed).toMatchObject({ code: { scope: 'data.write' } });
    });

    it('are one for each person, agent, delegate and audience', async () => {
      await approvedCode(storage());
      expect(await storage().grants.findActive(anasKey)).toBeDefined();
      for (const change of [
        { userId: null },
        { userId: 'id-bob' },
        { agent: 'https://other.example' },
        { delegate: 'phone' },
        { audience: 'https://other.example' },
      ]) {
        expect(await storage().grants.findActive({ ...anasKey, ...change })).toBeUndefined();
      }
      const forPhone = await claimedQuestion(storage(), 'phone', { delegate: 'phone' });
      await grantWith(storage(), forPhone, newCode('code-2'), { id: 'phone', now: NOW + 1 });
      const listed = await storage().grants.listForUser('id-ana');
      expect(listed.map(({ id }) => id)).toEqual(['phone', 'grant']);
    });

    it('once revoked are gone with their code, and are given anew under another id', async () => {
      await approvedCode(storage());
      expect(await storage().grants.revoke({ id: 'grant', now: NOW + 1 })).toBe(true);
      expect(await storage().grants.revoke({ id: 'grant', now: NOW + 2 })).toBe(false);
      expect(await storage().grants.findActive(anasKey)).toBeUndefined();
      expect(await storage().grants.listForUser('id-ana')).toEqual([]);
      expect((await storage().grants.findById('grant'))?.revokedAt).toBe(NOW + 1);
      const again = await claimedQuestion(storage(), 'again');
      const result = await grantWith(storage(), again, newCode('code-2'), { id: 'grant-2' });
      expect(result).toEqual({ won: true, grantId: 'grant-2' });
    });

    it('are revoked by their own person only when a person is named', async () => {
      await approvedCode(storage());
      expect(await storage().grants.revoke({ id: 'grant', userId: 'id-bob', now: NOW })).toBe(
        false,
      );
      expect(await storage().grants.findActive(anasKey)).toBeDefined();
      expect(await storage().grants.revoke({ id: 'grant', userId: 'id-ana', now: NOW })).toBe(true);
    });

    it('without a person are made directly, with a refresh token and a ledger row', async () => {
      expect(await storage().grants.issueDirectly(direct(1))).toBe('direct-1');
      expect(await storage().grants.list()).toMatchObject([{ id: 'direct-1', userId: null }]);
      expect(await storage().issuedTokens.find('jti-1')).toMatchObject({
        grantId: 'direct-1',
        subject: null,
      });
      const use = refresh({ hash: 'refresh-1' });
      expect(await storage().refreshTokens.use(use)).toMatchObject({
        subject: null,
        userId: null,
        scope: 'data.read',
      });
      expect(await storage().grants.revoke({ id: 'direct-1', now: NOW })).toBe(true);
      const later = refresh({ hash: 'refresh-1', issued: { ...use.issued, jti: 'jti-3' } });
      expect(await storage().refreshTokens.use(later)).toBeUndefined();
    });

    it('without a person are one among a hundred made at the same time', async () => {
      const ids = await hundred((index) =>
        storage().grants.issueDirectly(direct(index, { scope: `scope-${index % 2}` })),
      );
      expect(new Set(ids).size).toBe(1);
      const [grant, ...others] = await storage().grants.list();
      expect(grant?.scope.split(' ').sort()).toEqual(['scope-0', 'scope-1']);
      expect(others).toEqual([]);
    });
  });
}
