import type { Bytes } from './bytes.js';
import { SignatureError } from './failure.js';

/** A header line as it stood on the wire: name in any case, value unparsed. */
export type HeaderLine = readonly [name: string, value: string];

/**
 * The smallest description of an HTTP request that can be signed or verified.
 * `target` is the request target as sent, in origin form: path and query, never decoded or normalised.
 */
export interface HttpMessage {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderLine[];
  /** The body's bytes as sent; absent or empty when there is none. */
  readonly body?: Bytes | undefined;
}

/** The target of an absolute URL exactly as written there, with a bare `?` kept and the fragment left out. */
export function messageTarget(url: string): string {
  const afterScheme = url.indexOf('//') + 2;
  const fragment = url.indexOf('#');
  const end = fragment < 0 ? url.length : fragment;
  const rest = url.slice(afterScheme, end);
  const start = rest.search(/[/?]/);
  if (start < 0) return '/';
  const target = rest.slice(start);
  return target.startsWith('?') ? `/${target}` : target;
}

/**
 * Reads a Fetch `Request`, body included (the request is consumed; pass a clone to keep it).
 * A `Request` has already normalised its URL and joined repeated headers: where the raw request is at hand,
 * as on Node's `http`, build the {@link HttpMessage} from that instead.
 */
export async function messageFromRequest(request: Request): Promise<HttpMessage> {
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  return {
    method: request.method,
    target: messageTarget(request.url),
    headers: [...request.headers],
    body: body === undefined || body.length === 0 ? undefined : body,
  };
}

/**
 * The parts of Node's `IncomingMessage` that keep what a Fetch `Request` loses: the raw target, the header lines, and
 * the body of a GET or HEAD.
 */
export interface NodeRequestLike {
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
  [Symbol.asyncIterator]?(): AsyncIterator<unknown>;
}

/**
 * Header lines by lower-case name: each value trimmed, and the values of a name that stands on several lines joined by
 * `, `, as RFC 9421 section 2.1 asks.
 */
export class HeaderIndex {
  readonly #values = new Map<string, string>();
  /** How many lines carry a name that stands on more than one. */
  #repeated: Map<string, number> | undefined;

  constructor(lines: readonly HeaderLine[]) {
    for (const [name, value] of lines) {
      const key = name.toLowerCase();
      const trimmed = trimOptionalSpace(value);
      const held = this.#values.get(key);
      this.#values.set(key, held === undefined ? trimmed : `${held}, ${trimmed}`);
      if (held === undefined) continue;
      this.#repeated ??= new Map();
      this.#repeated.set(key, (this.#repeated.get(key) ?? 1) + 1);
    }
  }

  /** How many lines carry that name (lower-case). */
  count(name: string): number {
    return this.#repeated?.get(name) ?? (this.#values.has(name) ? 1 : 0);
  }

  /** The combined value, lines joined by `, `; `undefined` when absent. */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** The value of a field that may stand on one line only; a second line is refused. */
  single(name: string): string | undefined {
    if (this.#repeated?.has(name) === true) {
      throw new SignatureError('header_repeated', `The ${name} header may occur only once.`);
    }
    return this.#values.get(name);
  }
}

function trimOptionalSpace(value: string): string {
  let start = 0;
  let end = value.length;
  const space = (at: number): boolean => {
    const code = value.charCodeAt(at);
    return code === 0x20 || code === 0x09;
  };
  while (start < end && space(start)) start += 1;
  while (end > start && space(end - 1)) end -= 1;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}
