import { describe, expect, it } from 'vitest';
import { type Contract, hundred, newQuestion, NOW } from './fixtures.js';

export function limitContract({ storage, connect }: Contract): void {
  const claim = (want: number, changes: { key?: string; endsAt?: number } = {}) =>
    storage().limits.claim({ key: 'a', endsAt: NOW + 60, want, limit: 10, ...changes });

  describe('shared limits', () => {
    it('give what is left and no more', async () => {
      expect(await claim(4)).toEqual({ granted: 4, left: 6 });
      expect(await claim(6)).toEqual({ granted: 6, left: 0 });
      expect(await claim(1)).toEqual({ granted: 0, left: 0 });
    });

    it('give a part of what was asked for when that is all there is', async () => {
      expect(await claim(7)).toEqual({ granted: 7, left: 3 });
      expect(await claim(7)).toEqual({ granted: 3, left: 0 });
      expect(await claim(70, { key: 'b' })).toEqual({ granted: 10, left: 0 });
    });

    it('count each key and each window by itself', async () => {
      await claim(10);
      expect(await claim(1, { key: 'b' })).toEqual({ granted: 1, left: 9 });
      expect(await claim(1, { endsAt: NOW + 120 })).toEqual({ granted: 1, left: 9 });
    });

    it('never give more than there is to a hundred at once, on two connections', async () => {
      const other = await connect();
      const results = await hundred((index) =>
        (index % 2 === 0 ? storage() : other).limits.claim({
          key: 'a',
          endsAt: NOW + 60,
          want: 3,
          limit: 100,
        }),
      );
      expect(results.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
    });

    it('are swept a minute after their window', async () => {
      await claim(10);
      const sweep = (now: number) => storage().sweep(now, { refreshAbsoluteSeconds: 1 });
      expect(await sweep(NOW + 119)).toBe(0);
      expect((await claim(1)).granted).toBe(0);
      expect(await sweep(NOW + 120)).toBe(1);
      expect((await claim(1)).granted).toBe(1);
    });
  });

  it('say when an agent may have another question', async () => {
    const two = { maxPendingPerAgent: 2 };
    for (const [id, expiresAt] of [
      ['a', NOW + 10],
      ['b', NOW + 30],
    ] as const) {
      await storage().pendingDecisions.create(newQuestion(id, { expiresAt }), two);
    }
    const agent = newQuestion('x').agent;
    expect(await storage().pendingDecisions.roomAt(agent, NOW, two)).toBe(NOW + 10);
    expect(await storage().pendingDecisions.create(newQuestion('c'), two)).toBe('too-many-pending');
    const later = newQuestion('c', { createdAt: NOW + 10 });
    expect(await storage().pendingDecisions.create(later, two)).toBe('created');
  });
}
