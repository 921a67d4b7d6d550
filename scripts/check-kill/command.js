/** `countersign …` as an operator runs it, beside the servers. */
import { spawn } from 'node:child_process';
import { PROGRAM } from './server-process.js';

/** Resolves with `{ code, output }`; with `killAfter` milliseconds it is killed then, if it has not ended. */
export async function runCommand(args, { database, killAfter }) {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, COUNTERSIGN_DATABASE: database },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const timer =
    killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, output };
}
