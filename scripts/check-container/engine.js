/**
 * A container engine of this run, in namespaces of its own: its networks, mounts and processes are nobody else's, and are
 * gone with it. It reaches no network but those it makes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { runShell } from '../check-replicas/documented.js';

const START_MILLISECONDS = 60_000;
const GROUPS = '/sys/fs/cgroup';
/** It keeps a key there, wherever else its files are. */
const SETTINGS = '/etc/docker';
const START = `
ip link set lo up
mount --types tmpfs none /run
mount --types tmpfs none ${SETTINGS}
dockerd "$@" &
wait
`;

export class Engine {
  #folder;
  #address;
  #child;
  #ended;
  #madeSettings;
  #group = `countersign-check-${process.pid}`;
  output = '';

  constructor(folder) {
    this.#folder = join(folder, 'engine');
    this.#address = `unix://${join(this.#folder, 'socket')}`;
  }

  /** Starts it, and waits until it answers. */
  async start() {
    mkdirSync(this.#folder);
    // Only so that something can be mounted there.
    this.#madeSettings = mkdirSync(SETTINGS, { recursive: true }) !== undefined;
    const at = (name) => join(this.#folder, name);
    const own = ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
    const options = [
      `--host=${this.#address}`,
      `--data-root=${at('data')}`,
      `--exec-root=${at('exec')}`,
      `--pidfile=${at('pid')}`,
      `--cgroup-parent=/${this.#group}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
    ];
    this.#child = spawn('unshare', [...own, 'bash', '-c', START, 'engine', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const child = this.#child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    const deadline = Date.now() + START_MILLISECONDS;
    while (!this.#answers()) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the engine does not start:\n${this.output.slice(-4_000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #answers() {
    const { status } = spawnSync('docker', [`--host=${this.#address}`, 'version'], {
      stdio: 'ignore',
    });
    return status === 0;
  }

  /** Runs commands for this engine, with its networks. Returns what they wrote. */
  async run(text, env = {}) {
    const { pid } = this.#child;
    const leader = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    // The classic builder: the other one is a program of its own.
    const own = { DOCKER_HOST: this.#address, DOCKER_BUILDKIT: '0', ...env };
    return await runShell(text, own, ['nsenter', `--target=${leader}`, '--net', '--pid']);
  }

  /** The last lines of every container, for whoever looks for what went wrong. */
  async logs() {
    const text = `for one in $(docker ps --all --format '{{.Names}}'); do
      echo "--- $one"; docker logs --tail 10 "$one" 2>&1
    done`;
    return await this.run(text).catch(() => this.output.slice(-4_000));
  }

  /** Ends it with everything in it. */
  kill() {
    this.#child?.kill('SIGKILL');
  }

  async stop() {
    this.kill();
    await this.#ended;
    if (this.#madeSettings === true) rmdirSync(SETTINGS);
    const hierarchies = existsSync(GROUPS) ? readdirSync(GROUPS) : [];
    for (const parent of [GROUPS, ...hierarchies.map((name) => join(GROUPS, name))]) {
      removeGroups(join(parent, this.#group));
    }
  }
}

/** Control groups are folders whose files cannot be removed, and need not be. */
function removeGroups(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(folder, entry.name));
  }
  rmdirSync(folder);
}
