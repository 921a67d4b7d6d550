import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { folder, type Result, type Running, start } from './program.js';

/**
 * Below the range from which the system takes ports for outgoing connections, and below those that follow from an agent's
 * keys file. Above 10,080, the last of the ports that Fetch asks nobody at.
 */
let next = 10_100 + Math.floor(Math.random() * 8_900);

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A file for each port that a test has been given: another process may look before the server has come to use it. */
const reserved = join(tmpdir(), 'countersign-test-ports');
const HOUR_MS = 3_600_000;
const mine: string[] = [];
process.once('exit', () => {
  for (const file of mine) rmSync(file, { force: true });
});

function reserve(port: number): boolean {
  const file = join(reserved, String(port));
  mkdirSync(reserved, { recursive: true });
  try {
    // Left behind by a process that was killed.
    if (Date.now() - statSync(file).mtimeMs > HOUR_MS) rmSync(file, { force: true });
  } catch {
    // Nobody has it.
  }
  try {
    writeFileSync(file, '', { flag: 'wx' });
  } catch {
    return false;
  }
  mine.push(file);
  return true;
}

/** A port of 127.0.0.1 that nobody uses, given out once among all tests on this machine. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ++next;
    if (reserve(port) && (await isFree(port))) return port;
  }
}

/** Polls until a well-known document answers: then the server is ready. */
export async function ready(url: string, server: Running): Promise<void> {
  const deadline = Date.now() + 45_000;
  let end: Result | undefined;
  void server.ended.then((result) => (end = result));
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    if (end !== undefined || Date.now() > deadline) {
      throw new Error(`${url} does not answer:\n${server.stderr()}`);
    }
    await pause(25);
  }
}

export interface Served extends Running {
  readonly url: string;
  /** SIGTERM, and what came of it. */
  stop(): Promise<Result>;
}

async function serve(
  kind: string,
  wellKnown: string,
  id: string,
  args: readonly string[],
): Promise<Served> {
  const server = start(['serve', kind, ...args]);
  await ready(`${id}/.well-known/${wellKnown}`, server);
  const stop = async (): Promise<Result> => {
    server.kill('SIGTERM');
    return await server.ended;
  };
  return { ...server, url: id, stop };
}

let count = 0;
/** A file of that kind in the tests' folder that no other test uses. */
export const newFile = (name: string): string => join(folder, `${++count}-${name}`);

/** `serve auth-server` with testuser / testpass on a database of its own. */
export async function serveAuthServer(
  args: readonly string[] = [],
  settings: { port?: number; database?: string } = {},
): Promise<Served> {
  const port = settings.port ?? (await freePort());
  const database = settings.database ?? newFile('auth-server.db');
  const id = `http://127.0.0.1:${port}`;
  const where = `--issuer ${id} --port ${port} --insecure-loopback --database sqlite:${database}`;
  const who = ['--user', 'testuser:testpass'];
  return await serve('auth-server', 'aauth-issuer', id, [...where.split(' '), ...who, ...args]);
}

/** `serve resource` with files of its own, or with those of one that ran before. */
export async function serveResource(
  authServer: string,
  args: readonly string[] = [],
  settings: { port?: number; keys?: string; replay?: string } = {},
): Promise<Served> {
  const port = settings.port ?? (await freePort());
  const { keys = newFile('resource-keys.json'), replay = newFile('replay.db') } = settings;
  const id = `http://127.0.0.1:${port}`;
  const where = `--id ${id} --port ${port} --insecure-loopback --auth-server ${authServer}`;
  const files = `--keys ${keys} --replay ${replay}`;
  const own = [...where.split(' '), ...files.split(' ')];
  return await serve('resource', 'aauth-resource', id, [...own, ...args]);
}

/** `serve agent` on a keys file that others may share. */
export async function serveAgent(keys: string, args: readonly string[] = []): Promise<Served> {
  const port = await freePort();
  const id = `http://127.0.0.1:${port}`;
  const where = `--id ${id} --port ${port} --keys ${keys}`;
  return await serve('agent', 'aauth-agent', id, [...where.split(' '), ...args]);
}
