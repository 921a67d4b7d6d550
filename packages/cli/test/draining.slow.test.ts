import Libsql from 'libsql';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createDatabase } from '../../auth-server/test/storage/postgres-database.js';
import { startPostgres } from '../../resource/test/replay/postgres-server.js';
import { type PeerAgent, startPeerAgent } from './peers/agent.js';
import { send } from './peers/http.js';
import { beginRequest } from './support/half-request.js';
import { Browser } from './support/person.js';
import { type Running, start } from './support/program.js';
import { freePort, newFile, serveAuthServer, serveResource } from './support/servers.js';
import { startSilentProxy } from './support/silent-proxy.js';

/** After this a container is killed. */
const KILLED_AFTER_MILLISECONDS = 10_000;

/** How long it takes from the signal to the end, and what came of it. */
async function stopped(server: Running, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM') {
  const begun = performance.now();
  server.kill(signal);
  const result = await server.ended;
  return { ...result, milliseconds: performance.now() - begun };
}

it('clients that never finish their requests cannot hold it beyond the limit', async () => {
  const server = await serveAuthServer();
  const { host, port } = new URL(server.url);
  await beginRequest(server.url, '/agent/token');
  const drips = connect(Number(port), '127.0.0.1');
  drips.on('error', () => undefined);
  drips.write(`GET /jwks.json HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `);
  const dripping = setInterval(() => drips.write('x'), 100);
  const { code, milliseconds, stderr } = await stopped(server);
  clearInterval(dripping);
  expect(code, stderr).toBe(0);
  expect(milliseconds).toBeLessThan(KILLED_AFTER_MILLISECONDS);
  expect(stderr).not.toMatch(/took too long|error/i);
}, 30_000);

it.each(['SIGTERM', 'SIGINT'] as const)('a second signal, %s, ends it at once', async (second) => {
  const server = await serveAuthServer();
  await beginRequest(server.url, '/agent/token');
  server.kill('SIGTERM');
  await server.see(/Stopping/);
  const { code, milliseconds } = await stopped(server, second);
  expect(code).toBe(1);
  expect(milliseconds).toBeLessThan(3_000);
});

it('a signal while it starts lets it start, answers who has been waiting, and exits 0', async () => {
  const file = newFile('starting.db');
  const other = new Libsql(file);
  other.exec('pragma journal_mode = wal; create table other (id); begin immediate');
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const where = `--issuer ${issuer} --port ${port} --insecure-loopback --database sqlite:${file}`;
  const server = start(['serve', 'auth-server', ...where.split(' ')]);
  const socket = await connected(port);
  let answer = '';
  socket.on('data', (bytes) => (answer += String(bytes)));
  socket.write(`GET /jwks.json HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await pause(200);
  expect(server.stderr()).not.toContain('is listening');
  server.kill('SIGTERM');
  await pause(200);
  expect(answer).toBe('');
  other.exec('commit');
  other.close();
  const { code, stderr } = await server.ended;
  expect(code, stderr).toBe(0);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(stderr).toContain('Stopping: finishing the requests in flight.');
}, 30_000);

async function connected(port: number) {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      await pause(20);
    }
  }
}

it('what it answers while it stops is whole, and known after the next start', async () => {
  const port = await freePort();
  const database = newFile('pouring.db');
  const args = ['--accept-wire', '2026-01', '--same-origin-redirects'];
  const server = await serveAuthServer(args, { port, database });
  const resource = await serveResource(server.url, args.slice(0, 2));
  const agent = await startPeerAgent('2026-01');
  const forms = await Promise.all(
    Array.from({ length: 40 }, () => questionOf(agent, resource.url)),
  );
  const answers: string[] = [];
  const asking = forms.map(async (form) => {
    const { status, text } = await agent.request('POST', `${server.url}/agent/token`, form);
    expect(status, text).toBe(200);
    answers.push((JSON.parse(text) as { request_token: string }).request_token);
  });
  await Promise.any(asking);
  const stopping = stopped(server);
  const settled = await Promise.allSettled(asking);
  const { code, stderr } = await stopping;
  expect(code, stderr).toBe(0);
  // Whoever had no answer was cut off before a word of it, and may ask again.
  for (const one of settled) {
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ syscall: expect.anything() });
  }
  const again = await serveAuthServer(args, { port, database });
  expect(answers.length).toBeGreaterThan(1);
  for (const token of answers) {
    const query = `request_token=${token}&redirect_uri=${agent.url}/callback`;
    const page = await new Browser().open(`${again.url}/agent/auth?${query}`);
    expect(page).toMatchObject({ status: 200, html: expect.stringContaining('type="password"') });
  }
  await agent.close();
}, 60_000);

async function questionOf(agent: PeerAgent, resource: string): Promise<string> {
  const challenged = await agent.request('GET', `${resource}/data-auth`);
  const challenge = String(challenged.headers['agent-auth']);
  const token = /resource_token="([^"]+)"/.exec(challenge)?.[1] ?? '';
  return `request_type=auth&resource_token=${token}&redirect_uri=${agent.url}/callback`;
}

/** Preloaded: whoever wants to be called once a minute is called all the time. */
const HASTE = `data:text/javascript,${encodeURIComponent(
  'const { setInterval: own } = globalThis;' +
    'globalThis.setInterval = (work, ms) => own(work, ms === 60000 ? 50 : ms);',
)}`;

it('a signal in the middle of a sweep ends it between two batches, and exits 0', async () => {
  const port = await freePort();
  const database = newFile('sweeping.db');
  await (await serveAuthServer([], { port, database })).stop();
  const rows = new Libsql(database);
  const old = 200_000;
  rows.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${old})
    insert into replay_entries (entry_key, owner, expires_at) select 'old-' || i, 'x', 1 from n;
    insert into replay_entries (entry_key, owner, expires_at) values ('live', 'x', 99999999999)`);
  const left = (): number =>
    (rows.prepare('select count(*) as n from replay_entries').get([]) as { n: number }).n;
  const where = `--issuer http://127.0.0.1:${port} --port ${port} --insecure-loopback`;
  const server = start(
    ['serve', 'auth-server', ...where.split(' '), '--database', `sqlite:${database}`],
    { env: { NODE_OPTIONS: `--import ${HASTE}` } },
  );
  while (left() > old) await pause(5);
  const { code, stderr } = await stopped(server);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('failed');
  const remaining = left();
  expect(remaining).toBeGreaterThan(1);
  expect((remaining - 1) % 500).toBe(0);
  expect(
    rows.prepare("select 1 from replay_entries where entry_key = 'live'").all([]),
  ).toHaveLength(1);
  rows.close();
}, 60_000);

it('a database that has fallen silent cannot hold it beyond the limit either', async () => {
  const postgres = await startPostgres();
  const database = await createDatabase(postgres);
  const url = new URL(database.url);
  const proxy = await startSilentProxy(Number(url.port));
  url.port = String(proxy.port);
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const where = `serve auth-server --issuer ${issuer} --port ${port} --insecure-loopback`;
  const file = newFile('database-url');
  writeFileSync(file, url.href);
  const server = start(where.split(' '), { env: { COUNTERSIGN_DATABASE_FILE: file } });
  await server.see(/is listening/);
  proxy.fallSilent();
  const path = `/agent/auth?request_token=${'x'.repeat(43)}&redirect_uri=http://127.0.0.1:1/`;
  const asked = send('GET', `${issuer}${path}`).catch(() => undefined);
  await pause(200);
  const { code, milliseconds, stderr } = await stopped(server);
  await asked;
  expect(code, stderr).toBe(1);
  expect(stderr).toContain('Stopping took too long');
  expect(milliseconds).toBeLessThan(KILLED_AFTER_MILLISECONDS);
  proxy.close();
  await database.drop();
  await postgres.stop();
}, 60_000);
