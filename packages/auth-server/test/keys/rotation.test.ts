import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ALGORITHM_NAMES, type AlgorithmName } from '@countersign/httpsig';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AuthServer,
  encryptSigningKeys,
  listSigningKeys,
  openStorage,
  revokeSigningKey,
  rotateSigningKey,
  type ServerEvent,
} from '../../src/index.js';
import { Bench, ISSUER } from '../endpoints/kit.js';

const secret = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');
const OVERLAP = 600;
const KEPT = 3600 + 60;

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
  bench.policy = () => ({ decision: 'grant' });
});
afterEach(() => bench.close());

async function jwks(server: AuthServer = bench.server): Promise<JSONWebKeySet> {
  const answer = await server.handle(new Request(`${ISSUER}/jwks.json`));
  return (await answer.json()) as JSONWebKeySet;
}

const kids = async (server?: AuthServer) => (await jwks(server)).keys.map(({ kid }) => kid);

async function token(server: AuthServer = bench.server): Promise<string> {
  const answer = await bench.token(await bench.accessRequest(), bench.agent, server);
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json['auth_token']);
}

const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid;

/** Verifies by another library with what is published now. */
async function verified(jwt: string, server?: AuthServer): Promise<boolean> {
  const keys = createLocalJWKSet(await jwks(server));
  const currentDate = new Date(bench.clock() * 1000);
  return await jwtVerify(jwt, keys, { currentDate }).then(
    () => true,
    () => false,
  );
}

const rotate = (more: Partial<Parameters<typeof rotateSigningKey>[0]> = {}) =>
  rotateSigningKey({ storage: bench.storage, issuer: ISSUER, now: bench.clock(), ...more });

describe('a rotation', () => {
  it('publishes the next key before it is used, and the last one until its tokens have expired', async () => {
    const replica = await bench.serverWith({});
    const [old] = await kids();
    const { kid: next } = await rotate({ kid: 'next' });
    bench.clock.advance(30);
    for (const server of [bench.server, replica]) expect(await kids(server)).toEqual([old, next]);
    bench.clock.advance(OVERLAP - 31);
    const last = await token();
    expect(kidOf(last)).toBe(old);
    bench.clock.advance(1);
    const first = await token(replica);
    expect(kidOf(first)).toBe(next);
    expect(await kids()).toEqual([next, old]);
    for (const server of [bench.server, replica]) {
      expect(await verified(last, server)).toBe(true);
      expect(await verified(first, server)).toBe(true);
    }
    bench.clock.advance(KEPT - 1);
    expect(await kids()).toEqual([next, old]);
    bench.clock.advance(1);
    expect(await kids()).toEqual([next]);
  });

  it('never signs with what a server does not publish itself, in any second of it', async () => {
    await rotate();
    for (let second = 0; second < OVERLAP + 60; second += 13) {
      bench.clock.advance(13);
      expect(await verified(await token())).toBe(true);
    }
  });

  it('goes on while the database is away, with the keys that are known', async () => {
    const before = await kids();
    await rotate();
    bench.clock.advance(31);
    const away = vi.spyOn(bench.storage.signingKeys, 'list').mockRejectedValue(new Error('away'));
    expect(await kids()).toEqual(before);
    expect(bench.refused.at(-1)).toMatchObject({ rule: 'signing_keys_unread' });
    away.mockRestore();
    bench.clock.advance(5);
    expect(await kids()).toHaveLength(2);
  });

  it.each([
    ['an overlap below nothing', { overlapSeconds: -1 }, '0 to 2592000 seconds'],
    ['an overlap of more than a month', { overlapSeconds: 2_592_001 }, '0 to 2592000 seconds'],
    ['an algorithm that is none', { algorithm: 'hs256' as AlgorithmName }, 'must be one of'],
    ['a kid with spaces', { kid: 'a b' }, 'letters, digits'],
  ])('is refused for %s, and changes nothing', async (_what, more, why) => {
    await expect(rotate(more)).rejects.toThrow(why);
    expect(await bench.storage.signingKeys.list()).toHaveLength(1);
  });

  it('is refused while another one is waiting, and for a kid that is taken', async () => {
    const { kid } = await rotate();
    await expect(rotate()).rejects.toThrow('waiting to be used already');
    bench.clock.advance(OVERLAP);
    await expect(rotate({ kid })).rejects.toThrow('There is a key of that kid already');
    await rotate();
    expect(await bench.storage.signingKeys.list()).toHaveLength(3);
  });

  const left = async () => (await bench.storage.signingKeys.list()).map(({ kid }) => kid);

  it('removes keys that ended, and no others', async () => {
    await rotate({ kid: 'second' });
    bench.clock.advance(OVERLAP + KEPT + 60);
    await rotate({ kid: 'third' });
    expect(await left()).toEqual(['second', 'third']);
  });

  it('needs no other one for its key to be removed: sweeping does it, a minute after its end', async () => {
    const [old] = await kids();
    await rotate({ kid: 'second' });
    bench.clock.advance(OVERLAP + KEPT + 59);
    await bench.server.sweep();
    expect(await left()).toEqual([old, 'second']);
    bench.clock.advance(1);
    const swept = await Promise.all([bench.server.sweep(), bench.server.sweep()]);
    expect(swept.reduce((sum, rows) => sum + rows)).toBeGreaterThanOrEqual(1);
    expect(await left()).toEqual(['second']);
    expect(kidOf(await token())).toBe('second');
  });

  it('is told alike by the list and by the servers', async () => {
    const state = async () => (await listSigningKeys(bench.storage, bench.clock()))[0]?.state;
    await rotate({ kid: 'second' });
    bench.clock.advance(OVERLAP + KEPT - 1);
    expect([await state(), (await kids()).length]).toEqual(['retired', 2]);
    bench.clock.advance(1);
    expect([await state(), (await kids()).length]).toEqual(['ended', 1]);
  });

  it('keeps a key for tokens that lived longer before the setting was made smaller', async () => {
    const [old] = await kids();
    const longer = await bench.serverWith({ lifetimes: { authToken: 7200 } });
    const jwt = await token(longer);
    await rotate({ kid: 'second', overlapSeconds: 0 });
    const shorter = await bench.serverWith({ lifetimes: { authToken: 600 } });
    bench.clock.advance(7199);
    expect(await kids(shorter)).toEqual(['second', old]);
    expect(await verified(jwt, shorter)).toBe(true);
    await shorter.sweep();
    expect(await left()).toEqual([old, 'second']);
    bench.clock.advance(62);
    expect(await kids(shorter)).toEqual(['second']);
  });

  it.each(ALGORITHM_NAMES)(
    'may be to %s, whose tokens another library verifies',
    async (algorithm) => {
      await rotate({ algorithm, kid: 'next', overlapSeconds: 0 });
      bench.clock.advance(30);
      const jwt = await token();
      expect(kidOf(jwt)).toBe('next');
      expect(await verified(jwt)).toBe(true);
      expect(await listSigningKeys(bench.storage, bench.clock())).toMatchObject([
        { algorithm: 'ed25519', state: 'retired' },
        { algorithm, state: 'signing' },
      ]);
    },
  );
});

describe('a revoked key', () => {
  it('is published no more, and another one signs at once', async () => {
    const jwt = await token();
    const revoked = kidOf(jwt) ?? '';
    const signing = await revokeSigningKey({
      storage: bench.storage,
      issuer: ISSUER,
      kid: revoked,
      now: bench.clock(),
    });
    bench.clock.advance(30);
    expect(await kids()).toEqual([signing.kid]);
    expect(await verified(jwt)).toBe(false);
    expect(await verified(await token())).toBe(true);
    expect(JSON.stringify(bench.contents()['signing_keys'])).not.toContain(revoked);
  });

  it('is followed by the next one when there is one', async () => {
    const [old = ''] = (await kids()) as string[];
    const { kid: next } = await rotate();
    const options = { storage: bench.storage, issuer: ISSUER, now: bench.clock() };
    expect(await revokeSigningKey({ ...options, kid: old })).toMatchObject({
      kid: next,
      state: 'signing',
    });
    await expect(revokeSigningKey({ ...options, kid: old })).rejects.toThrow('no signing key');
  });
});

describe('a revocation after rotations', () => {
  const revoke = (kid: string) =>
    revokeSigningKey({ storage: bench.storage, issuer: ISSUER, now: bench.clock(), kid });

  it('lets no retired key sign again, but the next one', async () => {
    await rotate({ kid: 'b' });
    bench.clock.advance(OVERLAP + 10);
    await rotate({ kid: 'c' });
    expect(await revoke('b')).toMatchObject({ kid: 'c', state: 'signing' });
    bench.clock.advance(30);
    expect(kidOf(await token())).toBe('c');
  });

  it('lets no retired key sign again, but a new one of the same algorithm', async () => {
    const [old] = await kids();
    await rotate({ kid: 'b', algorithm: 'ecdsa-p256-sha256' });
    bench.clock.advance(OVERLAP + 10);
    const signing = await revoke('b');
    expect(signing).toMatchObject({ algorithm: 'ecdsa-p256-sha256', state: 'signing' });
    bench.clock.advance(30);
    expect(kidOf(await token())).toBe(signing.kid);
    expect(await kids()).toEqual([signing.kid, old]);
  });

  it('of a key that does not sign leaves the one that does', async () => {
    const [old = ''] = (await kids()) as string[];
    await rotate({ kid: 'b' });
    bench.clock.advance(OVERLAP + 10);
    expect(await revoke(old)).toMatchObject({ kid: 'b', state: 'signing' });
    expect(await bench.storage.signingKeys.list()).toHaveLength(1);
  });

  it('is noticed by a server that cannot open the new key, which then signs nothing', async () => {
    const [old = ''] = (await kids()) as string[];
    await rotate({ kid: 'b', keyEncryptionKey: secret(1) });
    bench.clock.advance(31);
    expect(await kids()).toEqual([old, 'b']);
    expect(bench.refused.at(-1)).toMatchObject({ rule: 'signing_keys_unread' });
    await revoke(old);
    bench.clock.advance(31);
    expect(await kids()).toEqual(['b']);
    const answer = await bench.token(await bench.accessRequest());
    expect(answer.status).toBe(503);
    expect(bench.refused.at(-1)).toMatchObject({ rule: 'no_signing_key' });
  });
});

describe('keys at rest', () => {
  /** All files of the database, byte for byte. */
  const onDisk = (parts: readonly string[]): string[] => {
    const files = readdirSync(dirname(bench.databaseFile))
      .map((name) => readFileSync(join(dirname(bench.databaseFile), name), 'latin1'))
      .join('\n');
    return parts.filter((part) => files.includes(part));
  };
  const privateParts = async (): Promise<string[]> =>
    (await bench.storage.signingKeys.list()).map(({ privateJwk }) => String(privateJwk['d']));

  it.each(['at the start of a server', 'by the command'])(
    'are nowhere on the disk any more once they have been encrypted %s',
    async (how) => {
      for (const algorithm of ALGORITHM_NAMES) {
        await rotate({ algorithm, overlapSeconds: 0 });
        bench.clock.advance(2);
      }
      const parts = await privateParts();
      expect(onDisk(parts)).toEqual(parts);
      const by = { keyEncryptionKey: secret(1) };
      const now = bench.clock();
      const { storage } = bench;
      if (how === 'by the command')
        await encryptSigningKeys({ ...by, now, issuer: ISSUER, storage });
      else await restarted(by);
      expect(onDisk(parts)).toEqual([]);
    },
  );

  it('are nowhere on the disk any more once they have been revoked or swept away', async () => {
    await rotate({ kid: 'second' });
    bench.clock.advance(OVERLAP + KEPT + 60);
    const parts = await privateParts();
    await bench.server.sweep();
    await revokeSigningKey({
      storage: bench.storage,
      issuer: ISSUER,
      now: bench.clock(),
      kid: 'second',
    });
    expect(parts).toHaveLength(2);
    expect(onDisk(parts)).toEqual([]);
  });

  it('are told of by a server that has encrypted them, once', async () => {
    const [kid] = await kids();
    const events: ServerEvent[] = [];
    const observer = { onEvent: (event: ServerEvent) => events.push(event) };
    await restarted({ keyEncryptionKey: secret(1), observer });
    await restarted({ keyEncryptionKey: secret(1), observer });
    expect(events.filter(({ type }) => type === 'keys-encrypted')).toEqual([
      { type: 'keys-encrypted', kids: [kid] },
    ]);
  });

  const stored = () => JSON.stringify(bench.contents()['signing_keys']);
  const restarted = (more: Parameters<Bench['serverWith']>[0]) => bench.serverWith(more);

  it('are encrypted when a server starts with a key-encryption key, and stay the same keys', async () => {
    const [kid] = await kids();
    expect(stored()).toContain('\\"d\\"');
    const server = await restarted({ keyEncryptionKey: secret(1) });
    expect(stored()).not.toContain('\\"d\\"');
    expect(await kids(server)).toEqual([kid]);
    expect(await verified(await token(server))).toBe(true);
    expect(await listSigningKeys(bench.storage, bench.clock())).toMatchObject([
      { encrypted: true },
    ]);
  });

  it('never stand there plain when the first server has a key-encryption key', async () => {
    const storage = await openStorage('sqlite::memory:');
    await restarted({ storage, keyEncryptionKey: secret(1) });
    const [record] = await storage.signingKeys.list();
    expect(record?.privateJwk).toHaveProperty('sealed');
    expect(record?.privateJwk).not.toHaveProperty('d');
    await rotateSigningKey({
      storage,
      issuer: ISSUER,
      now: bench.clock(),
      keyEncryptionKey: secret(1),
    });
    for (const { privateJwk } of await storage.signingKeys.list()) {
      expect(privateJwk).toHaveProperty('sealed');
    }
    await storage.close();
  });

  it.each([
    ['without it', {}, 'which is not configured'],
    ['with another one', { keyEncryptionKey: secret(2) }, 'which is not configured; configured: '],
  ])('keep a server from starting %s, which changes nothing', async (_how, more, why) => {
    await restarted({ keyEncryptionKey: secret(1) });
    const before = stored();
    await expect(restarted(more)).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining(why),
    });
    expect(stored()).toBe(before);
    expect(await kids(await restarted({ keyEncryptionKey: secret(1) }))).toHaveLength(1);
  });

  it('are encrypted anew with another key while the one before it is known', async () => {
    await restarted({ keyEncryptionKey: secret(1) });
    const changed = await encryptSigningKeys({
      storage: bench.storage,
      now: bench.clock(),
      issuer: ISSUER,
      keyEncryptionKey: secret(2),
      previousKeyEncryptionKeys: [secret(1)],
    });
    expect(changed).toHaveLength(1);
    const server = await restarted({ keyEncryptionKey: secret(2) });
    expect(await verified(await token(server))).toBe(true);
    await expect(restarted({ keyEncryptionKey: secret(1) })).rejects.toThrow('not configured');
  });
});
