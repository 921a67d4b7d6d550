import { createInterface } from 'node:readline/promises';
import { CommandError, UsageError } from '../command-error.js';

/**
 * Returns once a person has agreed to what cannot be undone: by `--yes`, or by typing "yes" at a terminal. Throws a
 * `UsageError` where nobody can be asked.
 */
export async function confirmed(yes: boolean | undefined, consequence: string): Promise<void> {
  if (yes === true) return;
  if (!process.stdin.isTTY) {
    throw new UsageError(`${consequence} Say --yes when that is what you want.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${consequence}\nGo on? Type yes: `);
    if (answer.trim().toLowerCase() !== 'yes') throw new CommandError('Nothing has been changed.');
  } finally {
    terminal.close();
  }
}
