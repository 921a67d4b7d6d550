import { describe, expect, it } from 'vitest';
import { type Contract, hundred, newSession, newUser, NOW } from './fixtures.js';

export function sessionContract({ storage }: Contract): void {
  const find = (idHash: string, now = NOW) => storage().sessions.find(idHash, now);

  describe('sessions', () => {
    it('exist before sign-in, without a person, until they expire', async () => {
      const session = newSession('a');
      expect(await storage().sessions.create(session)).toBe(true);
      expect(await find('a', NOW + 3599)).toEqual(session);
      expect(await find('a', NOW + 3600)).toBeUndefined();
      expect(await find('b')).toBeUndefined();
    });

    it('say who is signed in, as long as they live and the person is enabled', async () => {
      const open = (idHash: string, now = NOW) => storage().sessions.open(idHash, now);
      const { id, username, name, email, emailVerified, ...others } = newUser('ana');
      const ana = { id, username, name, email, emailVerified };
      await storage().users.create({ ...others, ...ana });
      await storage().sessions.create(newSession('a', { userId: id }));
      await storage().sessions.create(newSession('nobody'));
      expect(await open('a', NOW + 3599)).toEqual({ idHash: 'a', user: ana });
      expect(await open('nobody')).toEqual({ idHash: 'nobody', user: undefined });
      expect(await open('a', NOW + 3600)).toBeUndefined();
      expect(await open('b')).toBeUndefined();
      await storage().users.disable(id, NOW);
      expect(await open('a')).toBeUndefined();
    });

    it('live longer when they are used, but not once they have expired', async () => {
      await storage().sessions.create(newSession('a'));
      const use = { idHash: 'a', now: NOW + 3599, expiresAt: NOW + 7200 };
      expect(await storage().sessions.touch(use)).toBe(true);
      expect(await find('a', NOW + 7199)).toMatchObject({
        lastSeenAt: NOW + 3599,
        expiresAt: NOW + 7200,
      });
      expect(await storage().sessions.touch({ ...use, now: NOW + 7200 })).toBe(false);
      expect(await storage().sessions.touch({ ...use, idHash: 'b' })).toBe(false);
    });

    it('are made for people who are enabled only', async () => {
      await storage().users.create(newUser('ana'));
      expect(await storage().sessions.create(newSession('a', { userId: 'id-ana' }))).toBe(true);
      await storage().users.disable('id-ana', NOW);
      expect(await storage().sessions.create(newSession('b', { userId: 'id-ana' }))).toBe(false);
      expect(await storage().sessions.create(newSession('c', { userId: 'nobody' }))).toBe(false);
    });

    it('are deleted one by one or all of a person at once', async () => {
      await storage().users.create(newUser('ana'));
      for (const idHash of ['a', 'b', 'c']) {
        await storage().sessions.create(newSession(idHash, { userId: 'id-ana' }));
      }
      await storage().sessions.create(newSession('d'));
      expect(await storage().sessions.delete('a')).toBe(true);
      expect(await storage().sessions.delete('a')).toBe(false);
      expect(await storage().sessions.deleteForUser('id-ana')).toBe(2);
      expect(await find('b')).toBeUndefined();
      expect(await find('d')).toBeDefined();
    });

    it('are renewed at sign-in: the old one goes with the coming of the new one', async () => {
      await storage().users.create(newUser('ana'));
      await storage().sessions.create(newSession('old'));
      const renewed = newSession('new', { userId: 'id-ana', authenticatedAt: NOW });
      expect(await storage().sessions.replace('old', renewed)).toBe(true);
      expect(await find('old')).toBeUndefined();
      expect(await find('new')).toEqual(renewed);
    });

    it('are not renewed when the old one is gone or expired, or the person is disabled', async () => {
      await storage().users.create(newUser('ana'));
      await storage().sessions.create(newSession('old'));
      const renewed = newSession('new', { userId: 'id-ana' });
      expect(await storage().sessions.replace('unknown', renewed)).toBe(false);
      const late = { ...renewed, createdAt: NOW + 3600 };
      expect(await storage().sessions.replace('old', late)).toBe(false);
      await storage().users.disable('id-ana', NOW);
      expect(await storage().sessions.replace('old', renewed)).toBe(false);
      expect(await find('new')).toBeUndefined();
      expect(await find('old')).toBeDefined();
    });

    it('are renewed once among a hundred attempts at the same time', async () => {
      await storage().sessions.create(newSession('old'));
      const results = await hundred((index) =>
        storage().sessions.replace('old', newSession(`new-${index}`)),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
    });
  });
}
