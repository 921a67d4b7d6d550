import { type AAuthError, isAAuthError } from '@countersign/protocol';
import { CommandError } from '../command-error.js';

/** The error that a call of an agent is refused with; the flow fails when it is not refused. */
export async function refusalOf(call: Promise<unknown>): Promise<AAuthError> {
  try {
    await call;
  } catch (error) {
    if (isAAuthError(error)) return error;
    throw error;
  }
  throw new CommandError('The call was expected to be refused and was not.');
}

/** What a program can tell from it: code, who refused, whether trying again makes sense. */
export function meaningOf({ code, refusedBy, retry }: AAuthError): string {
  return `${code}, refused by ${refusedBy ?? 'nobody'}, try again: ${retry}`;
}
