import type { NodeRequestLike } from '@countersign/httpsig';

/** What the server knows of a request beside the Fetch `Request`. */
export interface Connection {
  /** Node's request, which keeps the raw target and header lines. */
  readonly incoming?: NodeRequestLike | undefined;
  /** The address of the person's browser or of the agent, as far as it can be trusted. */
  readonly remoteAddress?: string | undefined;
  /**
   * The id that the request has been given, by a proxy that is trusted for instance; default a random one. It stands in
   * the answer: check its form before.
   */
  readonly requestId?: string | undefined;
  /** The `traceparent` of a proxy that is trusted, for spans. A stranger's is not to be given here. */
  readonly traceParent?: string | undefined;
}
