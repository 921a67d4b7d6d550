import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decide } from './support/person.js';
import { runHere } from './support/here.js';
import { start, urlToApprove } from './support/program.js';
import { freePort, newFile, serveAuthServer, serveResource } from './support/servers.js';

it('serve resource --encryption-keys makes a private file once, and has its tokens encrypted to it', async () => {
  const file = newFile('encryption-keys.json');
  const authServer = await serveAuthServer();
  const resource = await serveResource(authServer.url, ['--encryption-keys', file]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const made = readFileSync(file, 'utf8');
  const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser', '-v']);
  await decide(await urlToApprove(program));
  const { code, stdout, stderr } = await program.ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('"scope":"data.read data.write"');
  const token = /"auth_token":"([^"]+)"/.exec(stderr)?.[1] ?? '';
  expect(token.split('.')).toHaveLength(5);
  expect((await resource.stop()).code).toBe(0);
  const again = await serveResource(authServer.url, ['--encryption-keys', file]);
  expect(readFileSync(file, 'utf8')).toBe(made);
  await again.stop();
  await authServer.stop();
});

it.each<[string, (file: string) => void, RegExp]>([
  [
    'others may read',
    (file) => {
      writeFileSync(file, '{"keys":[]}');
      chmodSync(file, 0o644);
    },
    /Others may read the keys file/,
  ],
  [
    'is no JSON',
    (file) => {
      writeFileSync(file, 'keys', { mode: 0o600 });
    },
    /is not JSON/,
  ],
  [
    'has signing keys in it',
    (file) => {
      const key = { kty: 'OKP', crv: 'Ed25519', x: 'AA', d: 'AA', kid: 'k' };
      writeFileSync(file, JSON.stringify({ keys: [key] }), { mode: 0o600 });
    },
    /Encryption key 1 must be a private EC/,
  ],
])('serve resource refuses an encryption keys file that %s', async (_title, write, message) => {
  const file = newFile('encryption-keys.json');
  write(file);
  const port = await freePort();
  const where = `--port ${port} --insecure-loopback --auth-server http://127.0.0.1:1`;
  const files = `--keys ${newFile('k.json')} --replay ${newFile('r.db')} --encryption-keys ${file}`;
  const { code, stdout, stderr } = await runHere([
    'serve',
    'resource',
    ...`${where} ${files}`.split(' '),
  ]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(message);
});
