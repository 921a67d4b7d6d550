import type { AccessLine } from './listen.js';

const MAX_TARGET = 512;

/** What a stranger sent, on one line of a terminal: no control characters, not even those beyond ASCII. */
function printable(text: string): string {
  const clean = text.replace(/[^\x21-\x7e]/g, '?');
  return clean.length > MAX_TARGET ? `${clean.slice(0, MAX_TARGET - 3)}...` : clean;
}

function accessLine({ peer, method, httpVersion, status, reason }: AccessLine, target: string) {
  return `INFO:     ${peer} - "${method} ${printable(target)} HTTP/${httpVersion}" ${status} ${reason}`;
}

/** As the captured run has it: the whole target, query included. For the demonstration only. */
export function demonstrationLine(line: AccessLine): string {
  return accessLine(line, line.target);
}

/** For servers: the path without its query, which may carry tokens and codes. */
export function serverLine(line: AccessLine): string {
  return accessLine(line, line.target.split('?', 1)[0] ?? '');
}
