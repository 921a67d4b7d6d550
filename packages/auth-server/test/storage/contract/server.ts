import { describe, expect, it } from 'vitest';
import { StorageConfigurationError, StorageError } from '../../../src/storage/index.js';
import { type Contract, newUser, NOW } from './fixtures.js';

export function serverContract({ storage, connect }: Contract): void {
  const key = (kid: string) => ({
    kid,
    algorithm: 'ed25519',
    privateJwk: { kty: 'OKP', crv: 'Ed25519', x: 'x', d: 'd', kid },
    createdAt: NOW,
  });

  describe('signing keys', () => {
    it('are agreed upon by two servers that start at once', async () => {
      const other = await connect();
      const [mine, theirs] = await Promise.all([
        storage().signingKeys.insertIfNone(key('a')),
        other.signingKeys.insertIfNone(key('b')),
      ]);
      expect(mine).toEqual(theirs);
      expect(mine).toEqual({ ...key(mine.kid), state: 'active' });
      expect(await storage().signingKeys.list()).toEqual([mine]);
    });
  });

  describe('settings', () => {
    it('are kept and replaced', async () => {
      expect(await storage().settings.get('colour')).toBeUndefined();
      await storage().settings.set('colour', 'red');
      await storage().settings.set('colour', 'green');
      expect(await storage().settings.get('colour')).toBe('green');
    });

    it('bind the database to the first issuer', async () => {
      await storage().settings.bindIssuer('https://issuer.example');
      await storage().settings.bindIssuer('https://issuer.example');
      const other = storage().settings.bindIssuer('https://other.example');
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
