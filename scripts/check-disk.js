/**
 * A disk that is full and a file system that is read-only, under the auth server's SQLite file: `npm run check:disk`. The
 * server must answer 503 or not start, keep what it has promised, and go on by itself. Mounts a small file system, for which it needs
 * to be root (Linux).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-disk-'));
const elsewhere = `${folder}-read-only`;
const mount = (...options) => spawnSync('mount', [...options, folder], { encoding: 'utf8' });
const mounted = mount('-t', 'tmpfs', '-o', 'size=6m', 'countersign');
if (mounted.status !== 0) {
  rmSync(folder, { recursive: true });
  console.error(
    `Run this as root, on Linux: a file system must be mounted. ${mounted.stderr ?? ''}`,
  );
  process.exit(2);
}

build();
const { freePort } = await import('./free-port.js');
const { startAgent, startResource } = await import('./check-kill/parties.js');
const { verifyPromises } = await import('./check-kill/promises.js');
const { send, ServerProcess } = await import('./check-kill/server-process.js');
const { World } = await import('./check-kill/world.js');

const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
const url = `sqlite:${join(folder, 'auth.db')}`;
const server = new ServerProcess({ port, issuer, database: url });
const resource = await startResource();
const agents = [await startAgent(issuer, resource)];
const world = new World({ issuer, agents, replicas: [server], url, random: Math.random });

/** One whole flow, or what became of it. */
async function flow() {
  const before = world.counts['codes redeemed'] ?? 0;
  const form = {
    request_type: 'auth',
    resource_token: await agents[0].resourceToken(),
    redirect_uri: agents[0].redirectUri,
  };
  const signed = await agents[0].sign(form);
  const answer = await send(port, 'POST', '/agent/token', signed.headers, signed.body);
  if (answer.status !== 200) return answer;
  await world.consent();
  return { status: (world.counts['codes redeemed'] ?? 0) > before ? 200 : 0, headers: {} };
}

async function until(wanted, seconds, what) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await flow();
    if (answer.status === wanted) return answer;
    if (![0, 200, 503].includes(answer.status)) {
      throw new Error(`${what}: answered ${answer.status} ${answer.text}`);
    }
    if (performance.now() > deadline) throw new Error(`${what}: no ${wanted} in ${seconds} s`);
  }
}

async function closedAndBack(what, close, reopen) {
  await until(200, 10, `before: ${what}`);
  close();
  const refused = await until(503, 60, what);
  if (!(Number(refused.headers['retry-after']?.[0]) > 0))
    throw new Error(`${what}: no Retry-After`);
  for (const path of ['/jwks.json', '/.well-known/aauth-issuer']) {
    const { status } = await send(port, 'GET', path);
    if (status !== 200) throw new Error(`${what}: ${path} was answered ${status}`);
  }
  if (!server.output.includes('STORAGE:')) throw new Error(`${what}: the log does not say why`);
  const [, reason = ''] = /STORAGE: +(.*)/.exec(server.output) ?? [];
  reopen();
  await until(200, 10, `after: ${what}`);
  await verifyPromises(world);
  console.log(`${what}: answered 503, the log says "${reason}", and it went on by itself`);
}

try {
  await world.addPeople();
  await server.start();
  await world.signIn();
  const filler = join(folder, 'filler');
  await closedAndBack(
    'a full disk',
    () => {
      // To the last byte: what is asked for is more than there is.
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k', 'count=4096']);
    },
    () => rmSync(filler),
  );
  // While a file is open for writing nobody can make its file system read-only, but a server may find it so: the same
  // folder at another place, where it cannot be written to.
  await server.kill('SIGTERM');
  mkdirSync(elsewhere);
  execFileSync('mount', ['--bind', folder, elsewhere]);
  execFileSync('mount', ['-o', 'remount,bind,ro', elsewhere]);
  server.database = `sqlite:${join(elsewhere, 'auth.db')}`;
  const found = await server.start().then(
    () => 'it started',
    (error) => error.message,
  );
  if (!found.includes('cannot be opened for writing')) throw new Error(`read-only: ${found}`);
  server.database = url;
  await server.start();
  await until(200, 10, 'after the file system was read-only');
  await verifyPromises(world);
  console.log('a read-only file system: it does not start and says so, and does when it can write');
} catch (error) {
  console.error(`${error.message}\n${server.output}`);
  process.exitCode = 1;
} finally {
  await server.kill();
  for (const party of [resource, ...agents]) party.stop();
  for (const place of [elsewhere, folder]) {
    spawnSync('umount', ['-l', place]);
    rmSync(place, { recursive: true, force: true });
  }
}
process.exit();
