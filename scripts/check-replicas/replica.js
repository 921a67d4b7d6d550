/** One auth server, from a staged tree that it cannot change, under an account that is not root. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The container's account. */
export const ACCOUNT = 10001;
const READY_WITHIN_MILLISECONDS = 20_000;

export class Replica {
  output = '';
  #child;
  #ended;

  constructor({ tree, home, port, managementPort, env }) {
    Object.assign(this, { tree, home, port, managementPort, env });
  }

  /** Starts it and waits until it is ready. */
  async start(env = this.env) {
    this.env = env;
    const program = join(this.tree, 'packages/cli/bin/countersign.js');
    this.#child = spawn(process.execPath, [program, 'serve', 'auth-server'], {
      cwd: this.home,
      uid: ACCOUNT,
      gid: ACCOUNT,
      env: {
        PATH: process.env.PATH,
        ...env,
        COUNTERSIGN_PORT: `${this.port}`,
        COUNTERSIGN_MANAGEMENT_PORT: `${this.managementPort}`,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const child = this.#child;
    child.stderr.setEncoding('utf8').on('data', (text) => (this.output += text));
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
    while (!(await this.isReady())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`a replica does not start:\n${this.output.slice(-4_000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async isReady() {
    const answer = await fetch(`http://127.0.0.1:${this.managementPort}/readyz`).catch(
      () => undefined,
    );
    return answer?.status === 200;
  }

  /** SIGTERM; anything but a clean end is an error. */
  async stop() {
    this.#child.kill('SIGTERM');
    const code = await this.#ended;
    if (code !== 0) throw new Error(`a replica ended with ${code}:\n${this.output.slice(-4_000)}`);
  }

  kill() {
    this.#child?.kill('SIGKILL');
  }

  async killed() {
    this.kill();
    await this.#ended;
  }
}
