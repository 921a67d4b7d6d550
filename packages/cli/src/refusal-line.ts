import type { AAuthError } from '@countersign/protocol';

/** A refusal for the log: its code, the rule that was broken, and what was found out on the way. Never a token. */
export function refusalLine(error: AAuthError): string {
  const { code, rule, detail, cause } = error;
  const why = [rule, detail].filter((part) => part !== undefined).join(': ');
  const fault =
    code === 'server_error' && cause instanceof Error ? `\n${cause.stack ?? cause.message}` : '';
  return `REFUSED:  ${code}${why === '' ? '' : ` (${why})`}${fault}`;
}
