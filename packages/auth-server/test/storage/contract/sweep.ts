import { describe, expect, it } from 'vitest';
import {
  ABSOLUTE,
  approvedCode,
  type Contract,
  hundred,
  MANY,
  newQuestion,
  newSession,
  newUser,
  NOW,
  redemption,
  refresh,
  refreshable,
} from './fixtures.js';

const DAY = 86_400;

export function sweepContract({ storage }: Contract): void {
  const sweep = (now: number) => storage().sweep(now, { refreshAbsoluteSeconds: ABSOLUTE });

  describe('sweeping', () => {
    it('takes expired sessions and leaves the others', async () => {
      await storage().sessions.create(newSession('short'));
      await storage().sessions.create(newSession('long', { expiresAt: NOW + 3601 }));
      expect(await sweep(NOW + 3599)).toBe(0);
      expect(await sweep(NOW + 3600)).toBe(1);
      expect(await storage().sessions.find('long', NOW)).toBeDefined();
    });

    it('takes more than a batch', async () => {
      await hundred((index) => storage().sessions.create(newSession(`session-${index}`)));
      const options = { refreshAbsoluteSeconds: ABSOLUTE, batch: 30 };
      expect(await storage().sweep(NOW + 3600, options)).toBe(100);
    });

    it('keeps expired questions for a day, so that a page can say what became of them', async () => {
      await storage().pendingDecisions.create(newQuestion('a'), MANY);
      await sweep(NOW + 600 + DAY - 1);
      expect(await storage().pendingDecisions.find('a')).toBeDefined();
      await sweep(NOW + 600 + DAY);
      expect(await storage().pendingDecisions.find('a')).toBeUndefined();
    });

    it('keeps used codes for a day, so that a second use is noticed', async () => {
      await refreshable(storage());
      await sweep(NOW + 60 + DAY - 1);
      expect(await storage().codes.redeem(redemption())).toMatchObject({ reason: 'reused' });
      await sweep(NOW + 60 + DAY);
      expect(await storage().codes.redeem(redemption())).toMatchObject({ reason: 'unknown' });
    });

    it('takes questions whose codes are younger than they are', async () => {
      await approvedCode(storage(), { expiresAt: NOW + 1 });
      expect(await sweep(NOW + 1 + DAY)).toBe(1);
      expect(await storage().codes.redeem(redemption())).toMatchObject({ reason: 'unknown' });
    });

    it('takes expired ledger rows a minute after their end', async () => {
      await refreshable(storage());
      await sweep(NOW + 3601 + 59);
      expect(await storage().issuedTokens.find('jti-1')).toBeDefined();
      await sweep(NOW + 3601 + 60);
      expect(await storage().issuedTokens.find('jti-1')).toBeUndefined();
    });

    it('takes refresh tokens over their age, and neither grants nor people', async () => {
      await refreshable(storage());
      const endless = { idleSeconds: ABSOLUTE * 9, absoluteSeconds: ABSOLUTE * 9 };
      await sweep(NOW + ABSOLUTE);
      expect(await storage().refreshTokens.use(refresh(endless))).toBeDefined();
      await sweep(NOW + 1 + ABSOLUTE);
      const issued = { jti: 'jti-3', kind: 'auth', expiresAt: NOW };
      expect(await storage().refreshTokens.use(refresh({ ...endless, issued }))).toBeUndefined();
      expect(await storage().grants.findById('grant')).toBeDefined();
      expect(await storage().users.findById('id-ana')).toBeDefined();
    });

    it('takes attempts and addresses that no longer count', async () => {
      await storage().users.create(newUser('ana'));
      const source = { account: 'ana', address: '192.0.2.1', now: NOW };
      const limits = {
        windowSeconds: 900,
        perAccountAndAddress: 1,
        perAddress: 9,
        perAccount: 9,
        knownAddressSeconds: 1,
      };
      await storage().signInAttempts.succeed(source);
      await storage().signInAttempts.begin({ ...source, limits });
      expect(await sweep(NOW + 900)).toBe(0);
      expect(await sweep(NOW + DAY)).toBe(1);
      expect(await sweep(NOW + 90 * DAY)).toBe(1);
    });
  });
}
