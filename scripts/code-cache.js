/**
 * Leaves a code cache beside a packed auth server: what V8 compiles when the server starts and answers its first request.
 * `makeCodeCache` starts it once for that, on loopback and with a database in memory; the cache fits the Node that runs this
 * and no other. Staging does it, where the program is laid out for one machine.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from './free-port.js';

const GIVE_UP_MILLISECONDS = 60_000;

/** `command` is the folder in which the command's `bin` and `program` lie. Throws when the server does not start. */
export function makeCodeCache(command) {
  const { status, stderr } = spawnSync(process.execPath, [import.meta.filename, command], {
    env: withoutSettings(process.env),
    encoding: 'utf8',
    timeout: GIVE_UP_MILLISECONDS,
  });
  if (status !== 0) throw new Error(`the packed auth server does not start: ${stderr}`);
}

/** What somebody set for servers is not for this one, and V8 takes a cache only under the flags it was made with. */
function withoutSettings(env) {
  const settings = /^(?:COUNTERSIGN_|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settings.test(name)));
}

async function answered(url) {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

if (process.argv[1] === import.meta.filename) {
  const [node, , command] = process.argv;
  const { codeCacheOf, compilePacked } = await import(
    pathToFileURL(join(command, 'bin/run-packed.js')).href
  );
  const file = join(command, 'program/auth-server.cjs');
  const { script, run } = compilePacked(file);
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const options = ['--insecure-loopback', '--database', 'sqlite::memory:', '--issuer', issuer];
  process.argv = [node, file, 'serve', 'auth-server', ...options];
  run();
  await answered(`${issuer}/.well-known/aauth-issuer`);
  writeFileSync(codeCacheOf(file), script.createCachedData());
  process.exit();
}
