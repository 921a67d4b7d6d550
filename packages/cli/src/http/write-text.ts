import type { TextAnswer } from '@countersign/auth-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { ServerResponse } from 'node:http';

/** Writes the answer with its length, in one go. Returns what tells the Fetch adapter that nothing is left to do. */
export function writeText(
  { status, headers, text }: TextAnswer,
  outgoing: ServerResponse,
): Response {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : value) lines.push(name, one);
  }
  lines.push('Content-Length', String(Buffer.byteLength(text)));
  outgoing.writeHead(status, lines);
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}
