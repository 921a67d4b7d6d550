import type { Command } from 'commander';
import { reportError } from './report-error.js';

/** Does what the words say, without the program's name, and tells what goes wrong. Returns the exit code. */
export async function runWords(
  createProgram: () => Command,
  words: readonly string[],
): Promise<number> {
  try {
    await createProgram().parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    return await reportError(error);
  }
}
