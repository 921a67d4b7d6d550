import { CommanderError } from 'commander';
import { CommandError } from './command-error.js';
import { note } from './terminal.js';

/** Says on standard error what went wrong, and returns the exit code: 2 for wrong usage, 1 for anything else. */
export async function reportError(error: unknown): Promise<number> {
  // Commander has written it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CommandError) {
    note(`error: ${error.message}`);
    return error.exitCode;
  }
  const { isAAuthError } = await import('@countersign/protocol');
  if (isAAuthError(error)) {
    const { message, detail } = error;
    note(`error: ${message}${detail === undefined ? '' : ` (${detail})`}`);
    return error.code === 'configuration_invalid' ? 2 : 1;
  }
  // A fault of ours: whoever reports it needs the stack.
  note(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}
