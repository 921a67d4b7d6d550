import {
  type BodyReader,
  parseUrl,
  type ReceivedHeaders,
  type ReceivedRequest,
} from '@countersign/protocol';
import type { IncomingMessage } from 'node:http';

/** Its authority stands for nothing: whoever answers knows its own. */
const ORIGIN = 'http://localhost';

/** Node's request as one to be answered, without a Fetch `Request` being made of it. */
export class NodeRequest implements ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: ReceivedHeaders;
  readonly #incoming: IncomingMessage;
  #bodyUsed = false;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.method = incoming.method ?? 'GET';
    this.url = urlOf(incoming.url ?? '/');
    this.headers = new RawHeaders(incoming.rawHeaders);
  }

  get bodyUsed(): boolean {
    return this.#bodyUsed;
  }

  /** Made when it is asked for, since most bodies are read in one piece. */
  get body(): ReceivedRequest['body'] {
    return { getReader: () => this.#reader() };
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#bodyUsed) throw new TypeError('The body has been read.');
    this.#bodyUsed = true;
    const incoming = this.#incoming;
    const chunks: Buffer[] = [];
    await new Promise<void>((resolve, reject) => {
      const closed = (): void => {
        reject(new Error('The connection was closed.'));
      };
      // Then it has told of its end already.
      if (incoming.destroyed) closed();
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', resolve);
      incoming.once('error', reject);
      incoming.once('close', closed);
    });
    const [only] = chunks;
    const whole = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    const { byteOffset, byteLength } = whole;
    return whole.buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  }

  #reader(): BodyReader {
    // The connection is still needed for the answer when the rest is not wanted.
    const pieces = this.#incoming.iterator({ destroyOnReturn: false });
    return {
      read: () => {
        this.#bodyUsed = true;
        return pieces.next() as ReturnType<BodyReader['read']>;
      },
      cancel: async () => pieces.return?.(),
    };
  }
}

/** A target that a URL takes over as it stands: nothing to encode, no segments of dots. */
const IN_NORMAL_FORM = /^\/(?:[\w~!$&()*+,;=:@?/-]|%(?!2[Ee])|(?<!\/)\.)*$/;

/**
 * The URL that a Fetch request for `target` would have, path and query in normal form. One for which there is none, such
 * as `*`, leads nowhere.
 */
export function urlOf(target: string): string {
  if (IN_NORMAL_FORM.test(target)) return ORIGIN + target;
  const absolute = target.startsWith('/') ? ORIGIN + target : target;
  return parseUrl(absolute)?.href ?? `${ORIGIN}/*`;
}

/** Header lines as they came, looked up the way Fetch does it. */
class RawHeaders implements ReceivedHeaders {
  readonly #lines: readonly string[];

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    let found: string | null = null;
    for (let at = 0; at + 1 < this.#lines.length; at += 2) {
      const other = this.#lines[at] ?? '';
      if (other.length !== key.length || other.toLowerCase() !== key) continue;
      const value = this.#lines[at + 1] ?? '';
      found = found === null ? value : `${found}${key === 'cookie' ? '; ' : ', '}${value}`;
    }
    return found;
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    for (let at = 0; at + 1 < this.#lines.length; at += 2) {
      yield [this.#lines[at] ?? '', this.#lines[at + 1] ?? ''];
    }
  }
}
