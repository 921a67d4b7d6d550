import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** A request that never became one: what came in its place, and how it was answered. */
export interface UnreadableRequest {
  readonly peer: string;
  readonly status: number;
  /** Node's name for what was wrong, such as `HPE_INVALID_METHOD`. */
  readonly reason: string;
}

/** By Node's names for what was wrong. Everything else is a bad request. */
const STATUSES: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
]);

/**
 * Answers as Node would by itself, and ends the connection. Says nothing into an answer that is being written, nor to a
 * client that has gone. Returns what is worth a line: not that somebody opened a connection and left it at that.
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Socket,
  isAnswering: boolean,
): UnreadableRequest | undefined {
  const { code: reason = 'unknown' } = error;
  const { remoteAddress = '-', remotePort = 0, bytesRead } = socket;
  const isSilent = bytesRead === 0 || reason === 'ECONNRESET' || reason === 'EPIPE';
  const status = STATUSES.get(reason) ?? 400;
  if (socket.writable && !isAnswering) {
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroySoon();
  return isSilent ? undefined : { peer: `${remoteAddress}:${remotePort}`, status, reason };
}
