import type { NodeRequestLike } from '@countersign/httpsig';

/** What the server knows of a request beside the Fetch `Request`. */
export interface Connection {
  /** Node's request, which keeps the raw target and header lines. */
  readonly incoming?: NodeRequestLike | undefined;
  /** The address of the person's browser or of the agent, as far as it can be trusted. */
  readonly remoteAddress?: string | undefined;
}
