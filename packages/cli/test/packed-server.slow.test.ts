import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, decide } from './support/person.js';
import { run, start, urlToApprove } from './support/program.js';
import { freePort, newFile, ready, serveResource } from './support/servers.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const cli = at('..');

/** Where the command lies as it is staged. */
let folder = '';
let program = '';
let cache = '';

beforeAll(() => {
  mkdirSync(join(cli, '.bench'), { recursive: true });
  folder = mkdtempSync(join(cli, '.bench/test-'));
  program = join(folder, 'bin/countersign.js');
  const node = (...args: string[]) => execFileSync(process.execPath, args, { stdio: 'pipe' });
  node(at('../../../scripts/bundle.js'), join(folder, 'program'));
  cpSync(join(cli, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(cli, 'package.json'), join(folder, 'package.json'));
  node(at('../../../scripts/code-cache.js'), folder);
  const [found = ''] = readdirSync(join(folder, 'program')).filter((name) =>
    name.endsWith('.cache'),
  );
  cache = join(folder, 'program', found);
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Whether V8 takes the cache that lies there. */
function taken(): boolean {
  const script = `
    const { codeCacheOf, compilePacked } = await import(${JSON.stringify(join(folder, 'bin/run-packed.js'))});
    const file = ${JSON.stringify(join(folder, 'program/auth-server.cjs'))};
    const { script } = compilePacked(file, fs.readFileSync(codeCacheOf(file)));
    console.log(script.cachedDataRejected);`;
  const args = ['--input-type=module', '--eval', `import fs from 'node:fs';${script}`];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim() === 'false';
}

/** Starts it, with everything on that a start may have to load; a person approves what an agent asks for; and stops it. */
async function serves(): Promise<void> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = ['--issuer', url, '--database', `sqlite:${newFile('packed.db')}`];
  const watching = ['--log', 'json', '--management-port', `${await freePort()}`];
  const user = ['--user', 'testuser:testpass'];
  const server = start(
    ['serve', 'auth-server', '--insecure-loopback', ...options, ...watching, ...user],
    { program },
  );
  await ready(`${url}/.well-known/aauth-issuer`, server);
  const resource = await serveResource(url);
  const asking = start(['fetch', `${resource.url}/data-auth`, '--no-browser'], { open: true });
  await decide(await urlToApprove(asking), { browser: new Browser() });
  expect(await asking.ended).toMatchObject({ code: 0 });
  await resource.stop();
  server.kill('SIGTERM');
  const { code, stdout, stderr } = await server.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  // Nothing but its log: no warning of Node's.
  for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^\{.*\}$/);
}

describe('the packed auth server', () => {
  it('starts with the code cache that staging leaves, which fits', async () => {
    expect(taken()).toBe(true);
    await serves();
  });

  it('starts as well with a cache of something else', async () => {
    writeFileSync(cache, 'no code');
    expect(taken()).toBe(false);
    await serves();
  });

  it('starts as well without a cache', async () => {
    rmSync(cache, { force: true });
    await serves();
  });

  it.each([
    ['--help'],
    ['--version'],
    ['--no-such-option'],
    ['--issuer', 'http://auth.example', '--port', '0'],
    ['--print-config', '--preset', 'development'],
  ])('says and ends as the command with all others does: %s', async (...args) => {
    const words = ['serve', 'auth-server', ...args];
    expect(await run(words, { program })).toEqual(await run(words));
  });
});
