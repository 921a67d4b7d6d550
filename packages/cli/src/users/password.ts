import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandError } from '../command-error.js';
import { environmentValue } from '../options/environment.js';

/**
 * A new password: from `COUNTERSIGN_PASSWORD` or its file, from a terminal without showing it, or the first line of
 * standard input. Never from the command line, where others can see it.
 */
export async function readNewPassword(): Promise<string> {
  const given = environmentValue('COUNTERSIGN_PASSWORD');
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) return await readLine();
  const password = await ask('Password: ');
  if ((await ask('Once more: ')) !== password) {
    throw new CommandError('The two passwords differ; nothing was changed.');
  }
  return password;
}

async function readLine(): Promise<string> {
  const reader = createInterface({ input: process.stdin });
  for await (const line of reader) return line;
  throw new CommandError('No password came on standard input.');
}

async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  // A terminal interface echoes what is typed to its output: this one goes nowhere.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  reader.on('SIGINT', () => {
    reader.close();
    process.stderr.write('\n');
    process.exit(130);
  });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}
