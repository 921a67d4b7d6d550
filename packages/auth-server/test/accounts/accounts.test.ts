import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Argon2 from '@node-rs/argon2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createAccount,
  type NewAccount,
  signIn,
  type SignInAttempt,
} from '../../src/accounts/index.js';
import { openStorage, type Storage } from '../../src/storage/index.js';

/** Hashing as it is, but counted. */
const hashings = vi.hoisted(() => ({ count: 0 }));
vi.mock('@node-rs/argon2', async (original) => {
  const argon2 = await original<typeof Argon2>();
  return {
    ...argon2,
    hash: (...args: Parameters<typeof argon2.hash>) => {
      hashings.count += 1;
      return argon2.hash(...args);
    },
    verify: (...args: Parameters<typeof argon2.verify>) => {
      hashings.count += 1;
      return argon2.verify(...args);
    },
  };
});

const NOW = 1_700_000_000;
const PASSWORD = 'correct horse battery';

describe('accounts', () => {
  let directory: string;
  let file: string;
  let storage: Storage;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-accounts-'));
    file = join(directory, 'test.db');
    storage = await openStorage(`sqlite:${file}`);
    hashings.count = 0;
  });

  afterEach(async () => {
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const account = (changes: Partial<NewAccount> = {}): NewAccount => ({
    id: 'id-ana',
    subject: 'subject-ana',
    username: 'Ana',
    password: PASSWORD,
    now: NOW,
    ...changes,
  });

  const attempt = (changes: Partial<SignInAttempt> = {}): SignInAttempt => ({
    username: 'ana',
    password: PASSWORD,
    address: '192.0.2.1',
    now: NOW,
    ...changes,
  });

  /** The database as it lies on the disk. */
  async function everythingWritten(): Promise<string> {
    await storage.close();
    return readFileSync(file, 'latin1');
  }

  describe('creating an account', () => {
    it('stores a hash of the password and the person as they were described', async () => {
      const created = await createAccount(storage, account({ name: 'Ana', email: 'a@b.example' }));
      expect(created).toMatchObject({
        outcome: 'created',
        user: { subject: 'subject-ana', name: 'Ana', email: 'a@b.example', emailVerified: false },
      });
      const stored = await storage.users.findById('id-ana');
      expect(created).toMatchObject({ user: stored });
      expect(stored?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
      const written = await everythingWritten();
      expect(written).toContain('subject-ana');
      expect(written).not.toContain(PASSWORD);
    });

    it.each<[string, Partial<NewAccount>, string]>([
      ['no user name', { username: '' }, 'username-invalid'],
      ['a user name with a space before it', { username: ' ana' }, 'username-invalid'],
      ['a user name with an invisible character', { username: 'an\u200ba' }, 'username-invalid'],
      ['a user name of half a character', { username: 'ana\ud800' }, 'username-invalid'],
      ['an endless user name', { username: 'a'.repeat(257) }, 'username-invalid'],
      ['a short password', { password: 'seven77' }, 'password-too-short'],
      ['no password', { password: '', development: true }, 'password-too-short'],
      ['an endless password', { password: 'a'.repeat(1025) }, 'password-too-long'],
    ])('is refused with %s, before anything is hashed', async (_case, changes, reason) => {
      expect(await createAccount(storage, account(changes))).toEqual({
        outcome: 'refused',
        reason,
      });
      expect(hashings.count).toBe(0);
      expect(await storage.users.list()).toEqual([]);
    });

    it('allows a short password in development, where it was asked for', async () => {
      const short = account({ password: 'seven77', development: true });
      expect((await createAccount(storage, short)).outcome).toBe('created');
    });

    it('is refused for a name that somebody has', async () => {
      await createAccount(storage, account());
      const same = account({ id: 'id-2', subject: 'subject-2', username: 'ANA' });
      expect(await createAccount(storage, same)).toMatchObject({ reason: 'username-taken' });
    });
  });

  describe('signing in', () => {
    it('succeeds with the right password only', async () => {
      await createAccount(storage, account());
      expect(await signIn(storage, attempt())).toMatchObject({
        outcome: 'signed-in',
        user: { id: 'id-ana' },
      });
      expect(await signIn(storage, attempt({ password: `${PASSWORD}!` }))).toEqual({
        outcome: 'refused',
        account: 'id-ana',
      });
    });

    it('gives an unknown and a disabled person the same answer after the same work', async () => {
      await createAccount(storage, account());
      await storage.users.disable('id-ana', NOW);
      for (const username of ['ana', 'nobody']) {
        hashings.count = 0;
        const { outcome } = await signIn(storage, attempt({ username }));
        expect(outcome).toBe('refused');
        expect(hashings.count).toBe(1);
      }
    });

    it('hashes nothing for an endless or empty password or an endless name', async () => {
      await createAccount(storage, account());
      hashings.count = 0;
      for (const changes of [
        { password: 'a'.repeat(1025) },
        { password: '' },
        { username: 'a'.repeat(257) },
      ]) {
        expect(await signIn(storage, attempt(changes))).toMatchObject({ outcome: 'refused' });
      }
      expect(hashings.count).toBe(0);
    });

    it('is put off after too many failures, without hashing, known or unknown alike', async () => {
      await createAccount(storage, account());
      const limits = {
        windowSeconds: 900,
        perAccountAndAddress: 1,
        perAddress: 50,
        perAccount: 100,
        knownAddressSeconds: 0,
      };
      for (const username of ['ana', 'nobody']) {
        await signIn(storage, attempt({ username, limits, password: 'wrong' }));
        hashings.count = 0;
        const second = attempt({ username: username.toUpperCase(), limits, now: NOW + 10 });
        expect(await signIn(storage, second)).toEqual({
          outcome: 'too-many-attempts',
          retryAfterSeconds: 890,
        });
        expect(hashings.count).toBe(0);
      }
      expect(await signIn(storage, attempt({ limits, address: '192.0.2.2' }))).toMatchObject({
        outcome: 'signed-in',
      });
    });

    it('does not write down the name that was typed, which may be a password', async () => {
      await signIn(storage, attempt({ username: 'my-secret-passphrase', password: 'ana' }));
      const written = await everythingWritten();
      expect(written).toContain('192.0.2.1');
      expect(written).not.toContain('my-secret-passphrase');
    });
  });
});
