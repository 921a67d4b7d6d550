import { describe, expect, it } from 'vitest';
import type { AttemptLimits } from '../../../src/storage/index.js';
import { type Contract, hundred, NOW } from './fixtures.js';

const LIMITS: AttemptLimits = {
  windowSeconds: 900,
  perAccountAndAddress: 3,
  perAddress: 6,
  perAccount: 8,
  knownAddressSeconds: 86_400,
};

export function attemptContract({ storage, connect }: Contract): void {
  const begin = (account: string, address: string, now = NOW) =>
    storage().signInAttempts.begin({ account, address, now, limits: LIMITS });

  async function fail(times: number, account: string, address: string, now = NOW): Promise<void> {
    for (let i = 0; i < times; i++) {
      expect(await begin(account, address, now)).toEqual({ allowed: true });
    }
  }

  describe('sign-in attempts', () => {
    it('are limited at one account from one address, until the window has moved on', async () => {
      await fail(1, 'ana', '192.0.2.1', NOW);
      await fail(2, 'ana', '192.0.2.1', NOW + 100);
      expect(await begin('ana', '192.0.2.1', NOW + 200)).toEqual({
        allowed: false,
        retryAfterSeconds: 700,
      });
      expect(await begin('ana', '192.0.2.2', NOW + 200)).toEqual({ allowed: true });
      expect(await begin('bob', '192.0.2.1', NOW + 200)).toEqual({ allowed: true });
      expect((await begin('ana', '192.0.2.1', NOW + 899)).allowed).toBe(false);
      expect((await begin('ana', '192.0.2.1', NOW + 900)).allowed).toBe(true);
    });

    it('are limited from one address at all accounts together', async () => {
      for (const account of ['a', 'b', 'c', 'd', 'e', 'f']) await fail(1, account, '192.0.2.1');
      expect((await begin('g', '192.0.2.1')).allowed).toBe(false);
      expect((await begin('g', '192.0.2.2')).allowed).toBe(true);
    });

    it('are limited at one account from all addresses together', async () => {
      for (let i = 0; i < 8; i++) await fail(1, 'ana', `192.0.2.${i}`);
      expect((await begin('ana', '192.0.2.99')).allowed).toBe(false);
      expect((await begin('bob', '192.0.2.99')).allowed).toBe(true);
    });

    it('made elsewhere do not keep a person out of an address they have used before', async () => {
      await fail(1, 'ana', '198.51.100.1');
      await storage().signInAttempts.succeed({ account: 'ana', address: '198.51.100.1', now: NOW });
      for (let i = 0; i < 8; i++) await fail(1, 'ana', `192.0.2.${i}`);
      expect((await begin('ana', '198.51.100.1')).allowed).toBe(true);
      expect((await begin('ana', '198.51.100.2')).allowed).toBe(false);
    });

    it('are forgotten at that account and address when one succeeds', async () => {
      await fail(3, 'ana', '192.0.2.1');
      await fail(3, 'bob', '192.0.2.1');
      await storage().signInAttempts.succeed({ account: 'ana', address: '192.0.2.1', now: NOW });
      expect((await begin('ana', '192.0.2.1')).allowed).toBe(true);
      expect((await begin('bob', '192.0.2.1')).allowed).toBe(false);
    });

    it('cannot slip through at the same time, on two connections', async () => {
      const other = await connect();
      const results = await hundred((index) =>
        (index % 2 === 0 ? storage() : other).signInAttempts.begin({
          account: 'ana',
          address: '192.0.2.1',
          now: NOW,
          limits: LIMITS,
        }),
      );
      expect(results.filter(({ allowed }) => allowed)).toHaveLength(3);
    });
  });
}
