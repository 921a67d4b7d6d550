import type { AAuthError } from '@countersign/protocol';
import { note } from '../terminal.js';

/** Writes a refusal to the log: its code, the rule that was broken, and what was found out. Never a token. */
export function noteRefusal({ code, rule, detail, cause, requestId }: AAuthError): void {
  const why = [rule, detail].filter((part) => part !== undefined).join(': ');
  note(`REFUSED:  ${requestId ?? '-'} ${code}${why === '' ? '' : ` (${clean(why)})`}`);
  // Our own fault, or the database's: the reason is nowhere else.
  if (code === 'server_error' && cause instanceof Error) note(cause.stack ?? cause.message);
}

/** What a stranger's host answered may be part of it: one line, no control characters. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 512);
}
