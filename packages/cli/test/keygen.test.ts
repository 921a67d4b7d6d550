import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runHere } from './support/here.js';
import { run } from './support/program.js';
import { freePort, newFile } from './support/servers.js';

describe('keygen', () => {
  it.concurrent.each([
    ['ed25519', { kty: 'OKP', crv: 'Ed25519' }],
    ['ecdsa-p256-sha256', { kty: 'EC', crv: 'P-256' }],
    ['ecdsa-p384-sha384', { kty: 'EC', crv: 'P-384' }],
    ['rsa-pss-sha512', { kty: 'RSA' }],
  ])('makes a key for %s in a file that only its owner can read', async (algorithm, members) => {
    const file = newFile('keys.json');
    const made = await runHere([
      'keygen',
      file,
      '--algorithm',
      algorithm,
      '--json',
      '--kid',
      'one',
    ]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [published] = JSON.parse(made.stdout).keys;
    expect(published).toMatchObject({ ...members, kid: 'one' });
    const [kept] = JSON.parse(readFileSync(file, 'utf8')).keys;
    expect(kept).toMatchObject(published);
    expect(kept.d).toEqual(expect.any(String));
    for (const secret of ['d', 'p', 'q']) expect(published).not.toHaveProperty(secret);
  });

  it.concurrent('names the key by its thumbprint, and never overwrites a file', async () => {
    const file = newFile('keys.json');
    const { stdout } = await run(['keygen', file]);
    expect(stdout).toMatch(/^kid +([\w-]{43})\nthumbprint +\1\n$/);
    const content = readFileSync(file, 'utf8');
    const { code, stderr } = await runHere(['keygen', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('exists already; keys are never overwritten');
    expect(readFileSync(file, 'utf8')).toBe(content);
    const nowhere = await runHere(['keygen', '/none/keys.json']);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toContain('/none/keys.json: there is no such folder.');
  });
});

describe('a keys file', () => {
  it.concurrent('that others can read is refused, and said so', async () => {
    const file = newFile('keys.json');
    await runHere(['keygen', file]);
    chmodSync(file, 0o640);
    const port = await freePort();
    const { code, stderr } = await runHere(['serve', 'agent', '--keys', file, '--port', `${port}`]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Others may read the keys file ${file}: chmod 600 it`);
  });

  it.concurrent.each([
    ['not JSON', 'is not JSON'],
    ['{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}', 'Key 1 of the keys has no "kid"'],
  ])('with %s is refused, and said so', async (content, why) => {
    const file = newFile('keys.json');
    writeFileSync(file, content, { mode: 0o600 });
    const { code, stderr } = await runHere(['fetch', 'http://127.0.0.1:1/', '--keys', file]);
    expect(code).toBe(1);
    expect(stderr).toContain(why);
  });
});
