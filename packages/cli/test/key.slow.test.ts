import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import Libsql from 'libsql';
import { describe, expect, it } from 'vitest';
import { run } from './support/program.js';
import { newFile, type Served, serveAuthServer } from './support/servers.js';

interface Listed {
  readonly kid: string;
  readonly state: string;
  readonly encrypted: boolean;
}

function keysOf(database: string, env: Readonly<Record<string, string>> = {}) {
  const key = (...args: string[]) =>
    run(['key', ...args, '--database', `sqlite:${database}`], { env });
  const list = async () => JSON.parse((await key('list', '--json')).stdout) as Listed[];
  return { key, list };
}

async function published(server: Served): Promise<string[]> {
  const response = await fetch(`${server.url}/jwks.json`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

describe('key', () => {
  it('rotates, lists and revokes while the server is there, and asks before it destroys', async () => {
    const database = newFile('keys.db');
    const { key, list } = keysOf(database);
    const server = await serveAuthServer([], { database });
    const [first] = await published(server);
    expect(await list()).toMatchObject([{ kid: first, state: 'signing', encrypted: false }]);

    const rotated = await key('rotate', '--kid', 'second', '--algorithm', 'ecdsa-p256-sha256');
    expect(rotated).toMatchObject({ code: 0, stderr: expect.stringContaining('half a minute') });
    expect(rotated.stdout).toMatch(
      /^next {5}ecdsa-p256-sha256 {2}second {2}signs from .*Z, stored plain\n$/,
    );
    expect(await key('rotate')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/waiting/),
    });
    // A server that starts anew needs no half minute.
    await server.stop();
    const again = await serveAuthServer([], { database, port: Number(new URL(server.url).port) });
    expect(await published(again)).toEqual([first, 'second']);

    const unasked = await key('revoke', 'second');
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toContain('Say --yes when that is what you want.');
    expect(await list()).toHaveLength(2);
    expect(await key('revoke', 'second', '--yes')).toMatchObject({ code: 0 });
    expect(await list()).toMatchObject([{ kid: first, state: 'signing' }]);
    expect(await key('revoke', 'second', '--yes')).toMatchObject({
      code: 2,
      stderr: 'error: There is no signing key "second". `countersign key list` shows them.\n',
    });
  });

  it('encrypts what is stored, after which a server without the secret does not start', async () => {
    const database = newFile('sealed.db');
    const server = await serveAuthServer([], { database });
    await server.stop();
    const secret = newFile('kek');
    writeFileSync(secret, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    const env = { COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE: secret };
    const plain = keysOf(database);
    const { key } = keysOf(database, env);
    const stored = () =>
      JSON.stringify(new Libsql(database).prepare('select * from signing_keys').all([]));
    expect(stored()).toContain('\\"d\\"');
    expect(await plain.key('encrypt')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is missing/),
    });
    expect(await key('encrypt')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^encrypted: /),
    });
    expect(stored()).not.toContain('\\"d\\"');
    expect(await key('encrypt')).toMatchObject({ stdout: expect.stringMatching(/already/) });
    expect((await key('list')).stdout).toContain(', encrypted\n');

    const args = `serve auth-server --insecure-loopback --issuer ${server.url}`.split(' ');
    const { code, stderr } = await run([...args, '--database', `sqlite:${database}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /is encrypted with the key-encryption key ".*", which is not configured/,
    );
  });

  it.each([
    ['rotate --after never', '--after is "never": it takes whole seconds, from 0 to 2592000.'],
    ['rotate --after 2592001', '--after is "2592001"'],
    ['rotate --algorithm hs256', '--algorithm is "hs256": it takes ed25519, '],
    ['list', 'there is no such file'],
  ])('%s: says what is wrong', async (args, why) => {
    const { key } = keysOf(newFile('absent.db'));
    const { code, stderr } = await key(...args.split(' '));
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });

  it('has no keys of a database that no server has been started on', async () => {
    const database = newFile('empty.db');
    expect((await run(['migrate', '--database', `sqlite:${database}`])).code).toBe(0);
    expect(await keysOf(database).key('rotate')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no auth server has been started on it yet/),
    });
  });
});
