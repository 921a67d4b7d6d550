import { describe, expect, it } from 'vitest';
import {
  type Contract,
  hundred,
  newSession,
  newUser,
  NOW,
  redemption,
  refresh,
  refreshable,
  approvedCode,
  RESOURCE,
} from './fixtures.js';

export function peopleContract({ storage }: Contract): void {
  describe('people', () => {
    it('are found by id and by name as they were stored', async () => {
      const user = newUser('ana', { name: 'Ana', email: 'ana@example.com', emailVerified: true });
      expect(await storage().users.create(user)).toBe(true);
      const stored = { ...user, disabledAt: null };
      expect(await storage().users.findById('id-ana')).toEqual(stored);
      expect(await storage().users.findByUsername('ana')).toEqual(stored);
      expect(await storage().users.findByUsername('bob')).toBeUndefined();
      expect(await storage().users.findById('id-bob')).toBeUndefined();
    });

    it('are found whatever the case and Unicode form of the name', async () => {
      await storage().users.create(newUser('Zoë'));
      for (const spelling of ['zoë', 'ZOË', 'zoe\u0308', 'ＺＯË']) {
        expect((await storage().users.findByUsername(spelling))?.username).toBe('Zoë');
      }
      expect(await storage().users.findByUsername('zoe')).toBeUndefined();
    });

    it('cannot take a name that differs in case only, nor a subject that is taken', async () => {
      await storage().users.create(newUser('ana'));
      expect(await storage().users.create(newUser('ANA'))).toBe(false);
      expect(await storage().users.create(newUser('bob', { subject: 'subject-ana' }))).toBe(false);
      expect(await storage().users.create(newUser('bob'))).toBe(true);
      expect((await storage().users.list()).map((user) => user.username)).toEqual(['ana', 'bob']);
    });

    it('are made all together or not at all, and it is said whose name is taken', async () => {
      const { users } = storage();
      await users.create(newUser('ana'));
      const many = ['bob', 'ANA', 'eve', 'Bob'].map((name) => newUser(name));
      expect(await users.createAll(many)).toEqual([1, 3]);
      expect((await users.list()).map(({ username }) => username)).toEqual(['ana']);
      expect(await users.createAll(many.filter((_one, index) => index % 2 === 0))).toEqual([]);
      expect(await users.createAll([])).toEqual([]);
      expect((await users.list()).map(({ username }) => username)).toEqual(['ana', 'bob', 'eve']);
    });

    it('are made once where two make them at once', async () => {
      const [all, alone] = await Promise.all([
        storage().users.createAll(['ana', 'bob'].map((name) => newUser(name))),
        storage().users.create(newUser('bob', { id: 'id-other', subject: 'subject-other' })),
      ]);
      expect(alone ? all : []).toEqual(alone ? [1] : []);
      expect(await storage().users.list()).toHaveLength(alone ? 1 : 2);
    });

    it('get a name once among a hundred who want it at the same time', async () => {
      const results = await hundred((index) =>
        storage().users.create(newUser('ana', { id: `id-${index}`, subject: `subject-${index}` })),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    it('keep one session when they change the password', async () => {
      await storage().users.create(newUser('ana'));
      await storage().users.create(newUser('bob'));
      await storage().sessions.create(newSession('here', { userId: 'id-ana' }));
      await storage().sessions.create(newSession('elsewhere', { userId: 'id-ana' }));
      await storage().sessions.create(newSession('bobs', { userId: 'id-bob' }));
      const change = { userId: 'id-ana', passwordHash: 'new', keepSession: 'here', now: NOW };
      expect(await storage().users.setPassword(change)).toBe(true);
      expect((await storage().users.findById('id-ana'))?.passwordHash).toBe('new');
      expect(await storage().sessions.find('here', NOW)).toBeDefined();
      expect(await storage().sessions.find('elsewhere', NOW)).toBeUndefined();
      expect(await storage().sessions.find('bobs', NOW)).toBeDefined();
      await storage().users.setPassword({ ...change, keepSession: null });
      expect(await storage().sessions.find('here', NOW)).toBeUndefined();
      expect(await storage().users.setPassword({ ...change, userId: 'nobody' })).toBe(false);
    });

    it('lose sessions, codes and refresh tokens for good when they are disabled', async () => {
      await refreshable(storage());
      await storage().sessions.create(newSession('session', { userId: 'id-ana' }));
      expect(await storage().refreshTokens.use(refresh())).toBeDefined();
      expect(await storage().sessions.find('session', NOW)).toBeDefined();

      expect(await storage().users.disable('id-ana', NOW + 200)).toBe(true);
      expect((await storage().users.findById('id-ana'))?.disabledAt).toBe(NOW + 200);
      const later = refresh({
        now: NOW + 201,
        issued: { jti: 'jti-3', kind: 'auth', expiresAt: NOW + 3801 },
      });
      expect(await storage().refreshTokens.use(later)).toBeUndefined();
      expect(await storage().sessions.find('session', NOW)).toBeUndefined();

      expect(await storage().users.enable('id-ana', NOW)).toBe(true);
      expect((await storage().users.findById('id-ana'))?.disabledAt).toBeNull();
      expect(await storage().refreshTokens.use(later)).toBeUndefined();
      expect(await storage().sessions.find('session', NOW)).toBeUndefined();
    });

    it('lose a code that is on its way when they are disabled', async () => {
      await approvedCode(storage());
      await storage().users.disable('id-ana', NOW);
      await storage().users.enable('id-ana', NOW);
      expect((await storage().codes.redeem(redemption())).outcome).toBe('refused');
    });

    it('can be disabled twice, and unknown ones not at all', async () => {
      await storage().users.create(newUser('ana'));
      await storage().users.disable('id-ana', NOW);
      expect(await storage().users.disable('id-ana', NOW + 5)).toBe(true);
      expect((await storage().users.findById('id-ana'))?.disabledAt).toBe(NOW);
      expect(await storage().users.disable('nobody', NOW)).toBe(false);
      expect(await storage().users.enable('nobody', NOW)).toBe(false);
    });
  });

  describe('subjects', () => {
    it('lead from a person to a subject and back, per audience', async () => {
      await storage().users.create(newUser('ana'));
      expect(await storage().subjects.userFor('subject-ana', RESOURCE)).toBeUndefined();
      expect(await storage().subjects.subjectFor('id-ana', RESOURCE)).toBe('subject-ana');
      expect(await storage().subjects.subjectFor('id-ana', RESOURCE)).toBe('subject-ana');
      expect(await storage().subjects.userFor('subject-ana', RESOURCE)).toBe('id-ana');
      expect(await storage().subjects.userFor('subject-ana', 'https://other.example')).toBe(
        undefined,
      );
      expect(await storage().subjects.subjectFor('nobody', RESOURCE)).toBeUndefined();
    });

    it('are the same for a hundred who ask at the same time', async () => {
      await storage().users.create(newUser('ana'));
      const subjects = await hundred(() => storage().subjects.subjectFor('id-ana', RESOURCE));
      expect(new Set(subjects)).toEqual(new Set(['subject-ana']));
    });
  });
}
