import { parseUrl } from '@countersign/protocol';
import { readFile } from 'node:fs/promises';
import { UsageError } from '../command-error.js';

/** What `countersign fetch` is to send, as curl's flags describe it. */
export interface RequestFlags {
  readonly method: string | undefined;
  readonly header: readonly string[];
  readonly data: readonly string[] | undefined;
}

/**
 * Reads curl's `-X`, `-H` and `-d`: data makes it a POST of a form unless something else is said, and several are
 * joined with `&`.
 */
export async function readRequest(url: string, flags: RequestFlags): Promise<Request> {
  if (parseUrl(url) === undefined) {
    throw new UsageError(
      `"${url}" is not a URL to fetch: give it in full, such as https://api.example/data.`,
    );
  }
  const headers = readHeaders(flags.header);
  const body = flags.data === undefined ? undefined : await readData(flags.data);
  const method = (flags.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('Content-Type', 'application/x-www-form-urlencoded');
  }
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    throw new UsageError(`A ${method} request has no body: leave out -d, or -X ${method}.`);
  }
  try {
    return new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
  } catch {
    throw new UsageError(`-X is "${method}", which cannot be sent.`);
  }
}

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`-H takes "Name: value", not "${line}".`);
    const name = line.slice(0, colon);
    try {
      headers.append(name, line.slice(colon + 1).trim());
    } catch {
      throw new UsageError(`-H "${name}": that is not a header that can be sent.`);
    }
  }
  return headers;
}

async function readData(given: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for (const one of given) {
    if (parts.length > 0) parts.push(Buffer.from('&'));
    parts.push(one.startsWith('@') ? await readPart(one.slice(1)) : Buffer.from(one));
  }
  return new Uint8Array(Buffer.concat(parts));
}

async function readPart(file: string): Promise<Buffer> {
  if (file !== '-') {
    return await readFile(file).catch(() => {
      throw new UsageError(`-d @${file}: the file cannot be read.`);
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
