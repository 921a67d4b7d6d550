/** A machine with systemd as its first process, in namespaces of this one: no network but its own loopback. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { runShell } from '../check-replicas/documented.js';

const BOOT_MILLISECONDS = 120_000;
const OFF_MILLISECONDS = 30_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Machine {
  #folder;
  #child;
  #ended;
  /** What was written to its console. */
  console = '';

  constructor(folder) {
    this.#folder = folder;
  }

  /** Starts it, and waits until systemd has started everything. */
  async boot() {
    this.#child = spawn(
      'systemd-nspawn',
      [
        '--quiet',
        '--boot',
        '--register=no',
        '--keep-unit',
        '--private-network',
        `--directory=${this.#folder}`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const child = this.#child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.console += text));
    }
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    const deadline = Date.now() + BOOT_MILLISECONDS;
    while ((await this.#state()) !== 'running') {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the machine does not start:\n${this.console.slice(-4_000)}`);
      }
      await pause(200);
    }
  }

  async #state() {
    const answer = await this.run('systemctl is-system-running || true').catch(() => '');
    return answer.trim();
  }

  /** The process that is the first one of that machine, as this machine numbers it. */
  get leader() {
    const { pid } = this.#child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  }

  /** Runs commands there as root. Returns what they wrote; an error in any of them is one here. */
  async run(text, env = {}) {
    const variables = Object.entries({ PATH, HOME: '/root', LANG: 'C.UTF-8', ...env });
    const enter = ['nsenter', `--target=${this.leader}`, '--all', 'env', '--ignore-environment'];
    return await runShell(text, {}, [
      ...enter,
      ...variables.map(([name, value]) => `${name}=${value}`),
    ]);
  }

  /** As `run`, again and again until it succeeds. */
  async until(text, seconds) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      try {
        return await this.run(text);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(100);
      }
    }
  }

  /** Shuts it down as an operator does. */
  async powerOff() {
    if (this.#child === undefined) return;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.kill(), OFF_MILLISECONDS);
    await this.#ended;
    clearTimeout(late);
  }

  /** Ends everything in it at once. */
  kill() {
    this.#child?.kill('SIGKILL');
  }
}
