/**
 * What a server reads of a request. A Fetch `Request` is one; on Node, which loads Fetch when it is first used, a view of
 * Node's own request can be another.
 */
export interface ReceivedRequest {
  readonly method: string;
  /** Absolute, with its path in normal form: what requests are routed by. Its authority is not to be believed. */
  readonly url: string;
  readonly headers: ReceivedHeaders;
  /** Whether somebody has begun to read the body. */
  readonly bodyUsed: boolean;
  /** The body piece by piece; `null` when there is none. */
  readonly body: { getReader(): BodyReader } | null;
  /** The whole body. Rejects when it breaks off. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Header lines by name, in any case; the values of several lines are joined as Fetch joins them. */
export interface ReceivedHeaders extends Iterable<[name: string, value: string]> {
  get(name: string): string | null;
}

export interface BodyReader {
  read(): Promise<
    | { readonly done: true; readonly value?: unknown }
    | { readonly done?: false; readonly value: Uint8Array }
  >;
  /** Nobody wants the rest. */
  cancel(): Promise<unknown>;
}
