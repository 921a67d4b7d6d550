import type { ReceivedRequest, TextAnswer } from '@countersign/protocol';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Listener } from './listen.js';
import { NodeRequest } from './node-request.js';

/** A handler that knows nothing of Fetch. */
export type TextHandler = (
  request: ReceivedRequest,
  incoming: IncomingMessage,
) => Promise<TextAnswer>;

/**
 * Answers with texts, without Fetch: to load that takes some 20 ms of a start, and 9 MiB. `unreadMilliseconds`: how long
 * somebody may go on sending what nobody reads.
 */
export function textListener(handler: TextHandler, unreadMilliseconds = 500): Listener {
  return (incoming, outgoing) => {
    handler(new NodeRequest(incoming), incoming)
      .then((answer) => {
        write(answer, outgoing);
        if (!incoming.complete) endUnread(incoming, outgoing, unreadMilliseconds);
      })
      .catch(() => {
        // A handler tells of its own faults.
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(500).end();
      });
  };
}

/** Writes the answer with its length, in one go. */
function write({ status, headers, text }: TextAnswer, outgoing: ServerResponse): void {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') lines.push(name, value);
    else for (const one of value) lines.push(name, one);
  }
  // RFC 9110 section 8.6: an answer that never has content has no length either.
  if (status !== 204) lines.push('Content-Length', String(Buffer.byteLength(text)));
  outgoing.writeHead(status, lines);
  outgoing.end(text);
}

/**
 * What was not read is thrown away as it comes, for the answer to reach a client that writes before it reads. One that
 * does not come to an end is cut off.
 */
function endUnread(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  milliseconds: number,
): void {
  const begin = (): void => {
    const { socket } = incoming;
    const timer = setTimeout(() => {
      socket.destroySoon();
    }, milliseconds);
    const done = (): void => {
      clearTimeout(timer);
    };
    // Comes at its end, and with the end of the connection.
    incoming.once('close', done);
    incoming.resume();
  };
  if (outgoing.writableFinished) begin();
  else outgoing.once('finish', begin);
}
