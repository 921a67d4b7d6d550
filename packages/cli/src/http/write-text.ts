import type { TextAnswer } from '@countersign/auth-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Writes the answer with its length, in one go. Returns what tells the Fetch adapter that nothing is left to do. */
export function writeText(
  { status, headers, text }: TextAnswer,
  outgoing: ServerResponse,
): Response {
  outgoing.writeHead(status, {
    // Node declares that it could change lists of values, and does not.
    ...(headers as OutgoingHttpHeaders),
    'Content-Length': Buffer.byteLength(text),
  });
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}
