import { addDelegate } from '@countersign/agent';
import { isAAuthError } from '@countersign/protocol';
import { CommandError, UsageError } from '../command-error.js';
import type { DelegateCommandOptions } from '../commands/delegate.js';
import { withAgentDatabase } from '../options/agent-database.js';
import { note, out } from '../terminal.js';

/** `countersign delegate add`. The secret is standard output, and nothing else is. */
export async function addDelegateWithSecret(
  sub: string,
  { database, json }: DelegateCommandOptions,
): Promise<void> {
  const { delegate, enrolmentSecret } = await withAgentDatabase(
    database,
    { mustExist: false },
    async ({ delegates }) => {
      try {
        return await addDelegate(delegates, sub);
      } catch (error) {
        if (isAAuthError(error, 'configuration_invalid')) throw new UsageError(error.message);
        if (isAAuthError(error)) throw new CommandError(error.message);
        throw error;
      }
    },
  );
  if (json) {
    out(`${JSON.stringify({ delegate, enrolment_secret: enrolmentSecret })}\n`);
    return;
  }
  note(`The delegate ${delegate} is enrolled with this secret, which is shown this once:`);
  out(`${enrolmentSecret}\n`);
}
