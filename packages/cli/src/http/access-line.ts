import type { AccessLine } from './listen.js';

/** As the captured run has it: the whole target, query included. For the demonstration only. */
export function demonstrationLine(line: AccessLine): string {
  const { peer, method, target, httpVersion, status, reason } = line;
  return `INFO:     ${peer} - "${method} ${target} HTTP/${httpVersion}" ${status} ${reason}`;
}

/** For servers: the path without its query, which may carry tokens and codes. */
export function serverLine(line: AccessLine): string {
  const target = line.target.split('?', 1)[0] ?? '';
  return demonstrationLine({ ...line, target });
}
