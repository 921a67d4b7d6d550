import { describe, expect, it } from 'vitest';
import type { NewRefreshToken, RefreshTokenUse } from '../../../src/storage/index.js';
import {
  ABSOLUTE,
  AGENT,
  approvedCode,
  type Contract,
  hundred,
  IDLE,
  NOW,
  refresh,
  refreshable,
  RESOURCE,
} from './fixtures.js';

export function tokenContract({ storage, connect }: Contract): void {
  const use = (changes: Partial<RefreshTokenUse> = {}) =>
    storage().refreshTokens.use(refresh(changes));
  const issued = (jti: string) => ({ jti, kind: 'auth', expiresAt: NOW + 7200 });

  describe('refresh tokens', () => {
    it('can be used again and again, each time with a row in the ledger', async () => {
      await refreshable(storage());
      expect(await use()).toMatchObject({ hash: 'refresh', lastUsedAt: NOW + 100 });
      expect(await use({ now: NOW + 200, issued: issued('jti-3') })).toMatchObject({
        lastUsedAt: NOW + 200,
      });
      expect(await storage().issuedTokens.find('jti-3')).toMatchObject({
        grantId: 'grant',
        subject: 'subject-ana',
        issuedAt: NOW + 200,
      });
    });

    it.each<[string, Partial<RefreshTokenUse>]>([
      ['an unknown one', { hash: 'other' }],
      ['another agent', { agent: 'https://other.example' }],
      ['a delegate, where the agent got it', { delegate: 'phone' }],
      ['one unused for too long', { now: NOW + 1 + IDLE }],
      ['one too old', { absoluteSeconds: 99 }],
    ])('are refused for %s, without a trace', async (_case, changes) => {
      await refreshable(storage());
      expect(await use(changes)).toBeUndefined();
      expect(await storage().issuedTokens.find('jti-2')).toBeUndefined();
      expect(await use({ now: NOW + IDLE })).toMatchObject({ createdAt: NOW + 1 });
    });

    it('live as long as they are used, but no longer than their absolute age', async () => {
      await refreshable(storage());
      for (const [index, days] of [29, 58, 87].entries()) {
        const at = NOW + days * 86_400;
        expect(await use({ now: at, issued: issued(`used-${index}`) })).toBeDefined();
      }
      expect(await use({ now: NOW + ABSOLUTE, issued: issued('last') })).toBeDefined();
      expect(await use({ now: NOW + ABSOLUTE + 1, issued: issued('late') })).toBeUndefined();
    });

    it('of a delegate are of no use to its agent or another delegate', async () => {
      await refreshable(storage(), { delegate: 'phone' });
      expect(await use()).toBeUndefined();
      expect(await use({ delegate: 'laptop' })).toBeUndefined();
      expect(await use({ delegate: 'phone' })).toBeDefined();
    });

    it('end with the grant', async () => {
      await refreshable(storage());
      await storage().grants.revoke({ id: 'grant', now: NOW + 50 });
      expect(await use()).toBeUndefined();
    });

    it('are not made for a grant that has been revoked or does not exist', async () => {
      await approvedCode(storage());
      const token: NewRefreshToken = {
        hash: 'made',
        grantId: 'grant',
        agent: AGENT,
        delegate: null,
        subject: null,
        userId: null,
        audience: RESOURCE,
        scope: 'data.read',
        claims: {},
        createdAt: NOW,
      };
      expect(await storage().refreshTokens.create({ ...token, grantId: 'other' })).toBe(false);
      expect(await storage().refreshTokens.create(token)).toBe(true);
      expect(await use({ hash: 'made' })).toMatchObject(token);
      await storage().grants.revoke({ id: 'grant', now: NOW });
      expect(await storage().refreshTokens.create({ ...token, hash: 'late' })).toBe(false);
    });
  });

  describe('issuing and revoking', () => {
    it('exclude each other: nothing is issued after a revocation that has been answered', async () => {
      await refreshable(storage());
      const other = await connect();
      let revoked = false;
      const late = await hundred(async (index) => {
        if (index === 50) {
          await other.grants.revoke({ id: 'grant', now: NOW + 100 });
          revoked = true;
          return false;
        }
        const startedAfter = revoked;
        const token = await use({ issued: issued(`parallel-${index}`) });
        return startedAfter && token !== undefined;
      });
      expect(late).not.toContain(true);
      expect(await use({ issued: issued('after') })).toBeUndefined();
    });

    it('refuse a ledger row for a grant that is revoked or whose person is disabled', async () => {
      await approvedCode(storage());
      const token = {
        ...issued('exchanged'),
        agent: RESOURCE,
        delegate: null,
        audience: 'https://downstream.example',
        subject: 'subject-ana',
        grantId: 'grant',
        parentJti: 'jti-1',
        issuedAt: NOW,
      };
      expect(await storage().issuedTokens.insert(token)).toBe(true);
      expect(await storage().issuedTokens.find('exchanged')).toEqual(token);
      expect(await storage().issuedTokens.isLive('exchanged')).toBe(true);
      expect(await storage().issuedTokens.isLive('unknown')).toBe(false);

      await storage().users.disable('id-ana', NOW);
      expect(await storage().issuedTokens.insert({ ...token, jti: 'second' })).toBe(false);
      expect(await storage().issuedTokens.isLive('exchanged')).toBe(false);
      await storage().users.enable('id-ana', NOW);
      expect(await storage().issuedTokens.isLive('exchanged')).toBe(true);
      await storage().grants.revoke({ id: 'grant', now: NOW });
      expect(await storage().issuedTokens.insert({ ...token, jti: 'third' })).toBe(false);
      expect(await storage().issuedTokens.isLive('exchanged')).toBe(false);
      expect(await storage().issuedTokens.insert({ ...token, jti: 'free', grantId: null })).toBe(
        true,
      );
      expect(await storage().issuedTokens.isLive('free')).toBe(true);
    });
  });
}
