import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, start } from './support/program.js';
import { freePort, newFile, ready } from './support/servers.js';

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

/** Starts it, with everything on that a start may have to load, asks it once and stops it. */
async function answersOnce(): Promise<void> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = ['--issuer', url, '--database', `sqlite:${newFile('packed.db')}`];
  const watching = ['--log', 'json', '--management-port', `${await freePort()}`];
  const server = start(['serve', 'auth-server', '--insecure-loopback', ...options, ...watching], {
    program,
  });
  await ready(`${url}/.well-known/aauth-issuer`, server);
  const answer = await fetch(`${url}/.well-known/aauth-issuer`);
  expect(await answer.json()).toMatchObject({ issuer: url });
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0, stdout: '' });
}

describe('the packed auth server', () => {
  it('starts with the code cache that staging leaves, which fits', async () => {
    expect(taken()).toBe(true);
    await answersOnce();
  });

  it('starts as well with a cache of something else, and without one', async () => {
    writeFileSync(cache, 'no code');
    expect(taken()).toBe(false);
    await answersOnce();
    rmSync(cache);
    await answersOnce();
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
