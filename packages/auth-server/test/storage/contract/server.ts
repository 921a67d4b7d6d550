import { describe, expect, it } from 'vitest';
import { StorageConfigurationError, StorageError } from '../../../src/storage/index.js';
import { type Contract, hundred, newUser, NOW } from './fixtures.js';

export function serverContract({ storage, connect }: Contract): void {
  const key = (kid: string) => ({
    kid,
    algorithm: 'ed25519',
    privateJwk: { kty: 'OKP', crv: 'Ed25519', x: 'x', d: 'd', kid },
    createdAt: NOW,
    activeFrom: NOW,
  });

  describe('signing keys', () => {
    it('are agreed upon by two servers that start at once', async () => {
      const other = await connect();
      const [mine, theirs] = await Promise.all([
        storage().signingKeys.insertIfNone(key('a')),
        other.signingKeys.insertIfNone(key('b')),
      ]);
      expect(mine).toEqual(theirs);
      expect(mine).toEqual(key(mine.kid));
      expect(await storage().signingKeys.list()).toEqual([mine]);
    });

    it('have one winner of a hundred who add the next one on two servers', async () => {
      const other = await connect();
      await storage().signingKeys.insertIfNone(key('a'));
      const stores = [storage(), other];
      const answers = await hundred((index) =>
        stores[index % 2]!.signingKeys.add({ ...key(`n${index}`), activeFrom: NOW + 600 }, NOW),
      );
      expect(answers.filter((answer) => answer === 'added')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'pending')).toHaveLength(99);
      const [first, next] = await storage().signingKeys.list();
      expect([first?.kid, next?.activeFrom]).toEqual(['a', NOW + 600]);
    });

    it('take another one as soon as the waiting one may sign, but none of the same name', async () => {
      const { signingKeys } = storage();
      await signingKeys.insertIfNone(key('a'));
      expect(await signingKeys.add({ ...key('b'), activeFrom: NOW + 600 }, NOW)).toBe('added');
      expect(await signingKeys.add({ ...key('c'), activeFrom: NOW + 900 }, NOW + 599)).toBe(
        'pending',
      );
      expect(await signingKeys.add({ ...key('b'), activeFrom: NOW + 900 }, NOW + 600)).toBe(
        'taken',
      );
      expect(await signingKeys.add({ ...key('c'), activeFrom: NOW + 900 }, NOW + 600)).toBe(
        'added',
      );
      expect((await signingKeys.list()).map(({ kid }) => kid)).toEqual(['a', 'b', 'c']);
    });

    it('are never without one that may sign when one is removed', async () => {
      const { signingKeys } = storage();
      const replacement = { ...key('r'), createdAt: NOW + 1, activeFrom: NOW + 1 };
      await signingKeys.insertIfNone(key('a'));
      expect(await signingKeys.remove('unknown', replacement, NOW + 1)).toBe(false);
      await signingKeys.add({ ...key('b'), activeFrom: NOW + 600 }, NOW);
      expect(await signingKeys.remove('a', replacement, NOW + 1)).toBe(true);
      expect(await signingKeys.list()).toEqual([{ ...key('b'), activeFrom: NOW + 1 }]);
      expect(await signingKeys.remove('b', replacement, NOW + 1)).toBe(true);
      expect(await signingKeys.list()).toEqual([replacement]);
    });

    it('leave the others alone when one is removed that another follows', async () => {
      const { signingKeys } = storage();
      await signingKeys.insertIfNone(key('a'));
      await signingKeys.add({ ...key('b'), activeFrom: NOW + 600 }, NOW);
      expect(await signingKeys.remove('b', key('r'), NOW + 1)).toBe(true);
      expect(await signingKeys.list()).toEqual([key('a')]);
    });

    it('are kept in another form all together or not at all', async () => {
      const { signingKeys } = storage();
      await signingKeys.insertIfNone(key('a'));
      const privateJwk = { sealed: 'x' };
      const both = [
        { kid: 'a', privateJwk },
        { kid: 'gone', privateJwk },
      ];
      expect(await signingKeys.replaceAll(both, NOW)).toBe(false);
      expect(await signingKeys.list()).toEqual([key('a')]);
      expect(await signingKeys.replaceAll(both.slice(0, 1), NOW)).toBe(true);
      expect(await signingKeys.list()).toEqual([{ ...key('a'), privateJwk }]);
    });
  });

  describe('settings', () => {
    it('are kept and replaced', async () => {
      expect(await storage().settings.get('colour')).toBeUndefined();
      await storage().settings.set('colour', 'red');
      await storage().settings.set('colour', 'green');
      expect(await storage().settings.get('colour')).toBe('green');
    });

    it('keep the greatest number that any of two servers has raised one to', async () => {
      const { settings: other } = await connect();
      const raised = await hundred((index) =>
        (index % 2 === 0 ? storage().settings : other).raise('height', (index * 37) % 100),
      );
      expect(Math.max(...raised)).toBe(99);
      expect(await other.get('height')).toBe('99');
      expect(await other.raise('height', 7)).toBe(99);
    });

    it('bind the database to the first issuer', async () => {
      await storage().settings.bindIssuer('https://issuer.example', NOW);
      await storage().settings.bindIssuer('https://issuer.example', NOW);
      const other = storage().settings.bindIssuer('https://other.example', NOW);
      await expect(other).rejects.toThrow(StorageConfigurationError);
      await expect(other).rejects.toThrow('belongs to the issuer https://issuer.example');
    });
  });

  describe('closing', () => {
    it('waits for operations in progress and refuses later ones', async () => {
      const created = storage().users.create(newUser('ana'));
      await storage().close();
      expect(await created).toBe(true);
      await expect(storage().users.list()).rejects.toThrow(StorageError);
      await expect(storage().users.create(newUser('bob'))).rejects.toThrow(StorageError);
      await storage().close();
    });
  });
}
