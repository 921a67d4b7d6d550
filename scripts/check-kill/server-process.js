/** `countersign serve auth-server` as a process that can be killed and started again on the same port and database. */
import { DEFAULT_LIMITS } from '@countersign/auth-server';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { root } from '../run.js';

/** What comes here in a minute is more than from any honest agent. */
const LIMITS = Object.keys(DEFAULT_LIMITS);
export const PROGRAM = join(root, 'packages/cli/bin/countersign.js');
const BREAKING = new URL('break-modules.js', import.meta.url).href;
const READY_WITHIN_MILLISECONDS = 60_000;

/** Sends one request on a connection of its own. Rejects when the connection fails before the answer is complete. */
export function send(port, method, path, headers = [], body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, method, path, agent: false },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk) => (text += chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          if (!incoming.complete) reject(new Error('cut off'));
          else resolve({ status: incoming.statusCode, headers: incoming.headersDistinct, text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.setTimeout(15_000, () => outgoing.destroy(new Error('no answer in 15 s')));
    for (const [name, value] of headers) outgoing.setHeader(name, value);
    outgoing.end(body);
  });
}

export class ServerProcess {
  #child;
  #output = '';

  constructor({ port, issuer, database, env = {}, breakage, program = PROGRAM }) {
    this.program = program;
    this.env = env;
    this.breakage = breakage;
    this.port = port;
    this.issuer = issuer;
    this.database = database;
  }

  get pid() {
    return this.#child.pid;
  }

  get output() {
    return this.#output;
  }

  /** Starts it and waits for its first answer; returns how many milliseconds that took. */
  async start() {
    const started = performance.now();
    const { port, issuer, database } = this;
    const args = ['serve', 'auth-server', '--insecure-loopback', '--log-level', 'warn'];
    const loader = this.breakage === undefined ? [] : ['--import', BREAKING];
    this.#child = spawn(
      process.execPath,
      [...loader, this.program, ...args, '--issuer', issuer, '--port', `${port}`],
      {
        env: {
          ...process.env,
          ...this.env,
          COUNTERSIGN_CHECK_BREAKAGE: this.breakage,
          COUNTERSIGN_DATABASE: database,
          COUNTERSIGN_WITHOUT_LIMITS: LIMITS.join(' '),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    this.#output = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#output = (this.#output + text).slice(-8_000);
    });
    const child = this.#child;
    for (;;) {
      const answer = await send(port, 'GET', '/.well-known/aauth-issuer').catch(() => undefined);
      if (answer?.status === 200) return performance.now() - started;
      if (child.exitCode !== null) throw new Error(`it ended by itself:\n${this.#output}`);
      if (performance.now() - started > READY_WITHIN_MILLISECONDS) {
        throw new Error(`it does not answer after 60 s:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** At once, in the middle of whatever it is doing. */
  async kill(signal = 'SIGKILL') {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
