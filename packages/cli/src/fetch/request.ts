import { readFile } from 'node:fs/promises';
import { UsageError } from './command-error.js';

/** What `countersign fetch` is to send, as curl's flags describe it. */
export interface RequestFlags {
  readonly method?: string;
  readonly header?: readonly string[];
  readonly data?: string;
}

async function readData(data: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!data.startsWith('@')) return new TextEncoder().encode(data);
  const file = data.slice(1);
  try {
    return new Uint8Array(file === '-' ? await readAll(process.stdin) : await readFile(file));
  } catch {
    throw new UsageError(`-d @${file}: the file cannot be read.`);
  }
}

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Reads curl's `-X`, `-H` and `-d`: data makes it a POST of a form unless something else is said. */
export async function readRequest(url: string, flags: RequestFlags): Promise<Request> {
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is not an absolute URL.`);
  const headers = new Headers();
  for (const line of flags.header ?? []) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`-H takes "Name: value", not "${line}".`);
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    } catch {
      throw new UsageError(`-H "${line.slice(0, colon)}": that is not a header that can be sent.`);
    }
  }
  const body = flags.data === undefined ? undefined : await readData(flags.data);
  const method = (flags.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('Content-Type', 'application/x-www-form-urlencoded');
  }
  try {
    return new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
  } catch {
    throw new UsageError(
      `${method} ${url} cannot be sent: a ${method} has no body, or the method is not allowed.`,
    );
  }
}
