import { describe, expect, it } from 'vitest';
import {
  AGENT,
  approvedCode,
  CALLBACK,
  claimedQuestion,
  type Contract,
  grantWith,
  hundred,
  MANY,
  newCode,
  newQuestion,
  newUser,
  NOW,
  redemption,
  RESOURCE,
} from './fixtures.js';

export function pendingDecisionContract({ storage, connect }: Contract): void {
  const pending = () => storage().pendingDecisions;

  async function twoPeople(): Promise<void> {
    await storage().users.create(newUser('ana'));
    await storage().users.create(newUser('bob'));
  }

  describe('pending decisions', () => {
    it('come back exactly as they were asked', async () => {
      const question = { text: 'naïve ‘quotes’ \u0000 "', list: [1, null, { deep: true }] };
      const asked = newQuestion('a', { question, delegate: 'phone', state: null });
      expect(await pending().create(asked, MANY)).toBe('created');
      expect(await pending().find('a')).toEqual({
        ...asked,
        claimedBy: null,
        claimedAt: null,
        outcome: null,
        decidedAt: null,
        deliveredAt: null,
      });
      expect(await pending().find('b')).toBeUndefined();
    });

    it('are limited per agent, counting those that still wait', async () => {
      const limits = { maxPendingPerAgent: 2 };
      await storage().users.create(newUser('ana'));
      expect(await pending().create(newQuestion('a'), limits)).toBe('created');
      expect(await pending().create(newQuestion('b'), limits)).toBe('created');
      expect(await pending().create(newQuestion('c'), limits)).toBe('too-many-pending');
      const other = newQuestion('d', { agent: 'https://other.example' });
      expect(await pending().create(other, limits)).toBe('created');
      const later = newQuestion('e', { createdAt: NOW + 600, expiresAt: NOW + 1200 });
      expect(await pending().create(later, limits)).toBe('created');

      await pending().claim('a', 'id-ana', NOW);
      await pending().decide({ idHash: 'a', userId: 'id-ana', now: NOW, outcome: 'denied' });
      expect(await pending().create(newQuestion('f'), { maxPendingPerAgent: 3 })).toBe('created');
    });

    it('do not pass the limit when a hundred are asked at once, on two connections', async () => {
      const other = await connect();
      const results = await hundred((index) =>
        (index % 2 === 0 ? storage() : other).pendingDecisions.create(newQuestion(`a-${index}`), {
          maxPendingPerAgent: 10,
        }),
      );
      expect(results.filter((result) => result === 'created')).toHaveLength(10);
    });

    it('belong to the first person who opens them', async () => {
      await twoPeople();
      await pending().create(newQuestion('a'), MANY);
      expect(await pending().claim('a', 'id-ana', NOW)).toBe('claimed');
      expect(await pending().claim('a', 'id-ana', NOW + 1)).toBe('already-claimed-by-you');
      expect(await pending().claim('a', 'id-bob', NOW)).toBe('claimed-by-another');
      expect(await pending().find('a')).toMatchObject({ claimedBy: 'id-ana', claimedAt: NOW });
    });

    it('are claimed by one among a hundred people', async () => {
      await hundred((index) => storage().users.create(newUser(`user-${index}`)));
      await pending().create(newQuestion('a'), MANY);
      const results = await hundred((index) => pending().claim('a', `id-user-${index}`, NOW));
      expect(results.filter((result) => result === 'claimed')).toHaveLength(1);
      expect(results.filter((result) => result === 'claimed-by-another')).toHaveLength(99);
    });

    it('cannot be claimed when unknown, expired or decided', async () => {
      const by = await claimedQuestion(storage());
      expect(await pending().claim('unknown', by.userId, NOW)).toBe('unavailable');
      expect(await pending().claim('pending', by.userId, NOW + 600)).toBe('unavailable');
      expect(await pending().claim('pending', by.userId, NOW + 599)).toBe('already-claimed-by-you');
      await pending().decide({ ...by, now: NOW, outcome: 'denied' });
      expect(await pending().claim('pending', by.userId, NOW)).toBe('unavailable');
    });

    it('are given back by their owner only, and only while undecided', async () => {
      await twoPeople();
      await pending().create(newQuestion('a'), MANY);
      await pending().claim('a', 'id-ana', NOW);
      expect(await pending().release('a', 'id-bob')).toBe(false);
      expect(await pending().release('a', 'id-ana')).toBe(true);
      expect(await pending().claim('a', 'id-bob', NOW)).toBe('claimed');
      await pending().decide({ idHash: 'a', userId: 'id-bob', now: NOW, outcome: 'denied' });
      expect(await pending().release('a', 'id-bob')).toBe(false);
    });
  });

  describe('deciding', () => {
    it('granted makes the grant and a code that carries the stored question’s parties', async () => {
      const by = await claimedQuestion(storage(), 'pending', { delegate: 'phone' });
      const result = await grantWith(storage(), by, newCode('code'));
      expect(result).toEqual({ won: true, grantId: 'grant' });
      expect(await pending().find('pending')).toMatchObject({ outcome: 'granted', decidedAt: NOW });
      expect(await storage().grants.findById('grant')).toMatchObject({
        userId: by.userId,
        agent: AGENT,
        delegate: 'phone',
        audience: RESOURCE,
        scope: 'data.read',
        revokedAt: null,
      });
      const redeemed = await storage().codes.redeem(redemption({ delegate: 'phone' }));
      expect(redeemed).toMatchObject({
        outcome: 'redeemed',
        code: {
          pendingIdHash: 'pending',
          grantId: 'grant',
          userId: by.userId,
          audience: RESOURCE,
          redirectUri: CALLBACK,
          claims: { name: 'Ana' },
        },
      });
    });

    it('denied makes neither', async () => {
      const by = await claimedQuestion(storage());
      const result = await pending().decide({ ...by, now: NOW, outcome: 'denied' });
      expect(result).toEqual({ won: true, grantId: null });
      expect(await storage().grants.listForUser(by.userId)).toEqual([]);
    });

    it('is refused to anybody but the enabled person who claimed it, and after its time', async () => {
      const by = await claimedQuestion(storage());
      await storage().users.create(newUser('bob'));
      await pending().create(newQuestion('unclaimed'), MANY);
      const decide = (changes: Partial<typeof by & { now: number }>) =>
        pending().decide({ ...by, now: NOW, outcome: 'denied', ...changes });
      const lost = (reason: string) => ({ won: false, reason });
      expect(await decide({ idHash: 'unknown' })).toEqual(lost('unknown'));
      expect(await decide({ idHash: 'unclaimed' })).toEqual(lost('not-claimed'));
      expect(await decide({ userId: 'id-bob' })).toEqual(lost('claimed-by-another'));
      expect(await decide({ now: NOW + 600 })).toEqual(lost('expired'));
      await storage().users.disable(by.userId, NOW);
      expect(await decide({})).toEqual(lost('user-disabled'));
      await storage().users.enable(by.userId, NOW);
      expect(await decide({ now: NOW + 599 })).toEqual({ won: true, grantId: null });
      expect(await decide({})).toEqual(lost('already-decided'));
    });

    it('has one winner among a hundred answers, on two connections', async () => {
      const by = await claimedQuestion(storage());
      const other = await connect();
      const results = await hundred((index) =>
        grantWith(index % 2 === 0 ? storage() : other, by, newCode(`code-${index}`), {
          id: `grant-${index}`,
        }),
      );
      expect(results.filter((result) => result.won)).toHaveLength(1);
      expect(await storage().grants.listForUser(by.userId)).toHaveLength(1);
    });

    it('leaves nothing behind when a part of it fails', async () => {
      await approvedCode(storage());
      const by = await claimedQuestion(storage(), 'second', { audience: 'https://other.example' });
      await expect(grantWith(storage(), by, newCode('code'), { id: 'grant-2' })).rejects.toThrow();
      expect((await pending().find('second'))?.outcome).toBeNull();
      expect(await storage().grants.findById('grant-2')).toBeUndefined();
      expect(await grantWith(storage(), by, newCode('code-2'), { id: 'grant-2' })).toMatchObject({
        won: true,
      });
    });

    it('is delivered once, after it has been made', async () => {
      const by = await claimedQuestion(storage());
      expect(await pending().deliver('pending', NOW)).toBe(false);
      await pending().decide({ ...by, now: NOW, outcome: 'denied' });
      const results = await hundred(() => pending().deliver('pending', NOW + 1));
      expect(results.filter(Boolean)).toHaveLength(1);
      expect((await pending().find('pending'))?.deliveredAt).toBe(NOW + 1);
    });
  });
}
