import { writeFile } from 'node:fs/promises';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';

/** Status and reason on one line. The reason is the server's own text: nothing in it may steer a terminal. */
export function statusLine({ status, statusText }: Response): string {
  return `${status} ${statusText.replace(/[^\x20-\x7e]/g, '?')}`.trimEnd();
}

/** Writes a response as curl does: the body, with `-i` after the status line and the headers, with `-o` to a file. */
export async function writeResponse(
  response: Response,
  { include, output }: { readonly include?: boolean; readonly output?: string },
): Promise<void> {
  const head = [
    `HTTP/1.1 ${statusLine(response)}`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
  ];
  const parts = [
    ...(include ? [Buffer.from(`${head.join('\r\n')}\r\n\r\n`)] : []),
    new Uint8Array(await response.arrayBuffer()),
  ];
  const bytes = Buffer.concat(parts);
  if (output === undefined) {
    out(bytes);
    return;
  }
  try {
    await writeFile(output, bytes);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new CommandError(`-o is "${output}", which cannot be written (${code}).`);
  }
}
