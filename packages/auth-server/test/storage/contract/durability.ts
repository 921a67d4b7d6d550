import { describe, expect, it } from 'vitest';
import {
  approvedCode,
  type Contract,
  newSession,
  NOW,
  redemption,
  refresh,
  refreshable,
} from './fixtures.js';

export function durabilityContract({ storage, connect }: Contract): void {
  describe('a restart', () => {
    it('keeps what was pending, and it can be gone on with', async () => {
      await approvedCode(storage());
      await storage().sessions.create(newSession('session', { userId: 'id-ana' }));
      await storage().close();
      const restarted = await connect();
      expect(await restarted.sessions.find('session', NOW)).toBeDefined();
      expect(await restarted.pendingDecisions.find('pending')).toMatchObject({
        outcome: 'granted',
        claimedBy: 'id-ana',
      });
      expect((await restarted.codes.redeem(redemption())).outcome).toBe('redeemed');
      expect(await restarted.refreshTokens.use(refresh())).toBeDefined();
    });

    it('does not bring back what was used, revoked or disabled', async () => {
      await refreshable(storage());
      await storage().grants.revoke({ id: 'grant', now: NOW + 2 });
      await storage().users.disable('id-ana', NOW + 2);
      await storage().close();
      const restarted = await connect();
      expect(await restarted.codes.redeem(redemption())).toMatchObject({ reason: 'reused' });
      expect(await restarted.refreshTokens.use(refresh())).toBeUndefined();
      expect((await restarted.users.findById('id-ana'))?.disabledAt).toBe(NOW + 2);
    });
  });
}
