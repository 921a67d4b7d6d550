import { run, type RunOptions } from './program.js';
import { freePort } from './servers.js';

/** The ports of one run, and the arguments that say so. */
export async function ports() {
  const [agent, resource, auth] = [await freePort(), await freePort(), await freePort()];
  const args = `--agent-port ${agent} --resource-port ${resource} --auth-port ${auth}`;
  return { agent, resource, auth, args: args.split(' ') };
}

/** Runs the demonstration to its end. */
export const demo = (args: readonly string[], options: RunOptions = {}) =>
  run(['demo', ...args], options);
