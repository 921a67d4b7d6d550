/** What a host answered, before anything in it has been believed. */
export interface FetchedDocument {
  readonly status: number;
  /** The raw `Content-Type`; `undefined` when absent or sent more than once. */
  readonly contentType: string | undefined;
  /** The raw `Cache-Control`, several lines joined with a comma. */
  readonly cacheControl: string | undefined;
  /** The decoded body, at most `maxBytes` long; empty when the status is not 200, because nobody reads it then. */
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface DocumentFetchOptions {
  /** The `Accept` header. */
  readonly accept: string;
  /** A longer body, compressed or not, is refused while it streams. Bytes. */
  readonly maxBytes: number;
  /** One deadline for name resolution, connecting, headers and body together. Milliseconds. */
  readonly deadlineMs: number;
}

/**
 * One guarded GET. Rejects on anything that is wrong with the host: an address that may not be asked, a redirect,
 * a body that is too large or too slow. Statuses other than 3xx are returned, not judged.
 */
export type DocumentFetch = (
  url: string,
  options: DocumentFetchOptions,
) => Promise<FetchedDocument>;

/** Which hosts may be asked. Nothing here is needed to ask public hosts from Node. */
export interface GuardOptions {
  /**
   * Let the loopback hosts (127.0.0.0/8, `[::1]`, `localhost`) be asked, over plain `http` too. Adds nothing else:
   * another name that resolves to loopback stays refused. For development and tests. Default `false`.
   */
  readonly insecureLoopback?: boolean;
  /**
   * Further hosts or networks, as a private deployment needs: a host as a URL shows it (`intranet.example`, which is
   * port 443; `intranet.example:8443`; `10.0.0.5`; `[fd00::5]`) or a network (`10.0.0.0/8`, `fd00::/8`). Still
   * https only. Hosts named here are resolved as the machine resolves names (hosts file included), all others by
   * DNS alone. Default none.
   */
  readonly allow?: readonly string[];
  /**
   * Ask these hosts (spelled as in `allow`) and no others, loopback under `insecureLoopback` apart. Required, unless
   * `unguardedDiscovery` is set, on platforms where the connected address cannot be checked.
   */
  readonly hosts?: readonly string[];
  /**
   * Ask any host although this platform cannot check which address it connects to: whoever sends a request can then
   * make this program reach private networks. Only for places that have none. On Node addresses are checked always.
   * Default `false`.
   */
  readonly unguardedDiscovery?: boolean;
}

/**
 * Why a host was not asked or not believed, for the log. The text is ours: never a byte of what the host sent.
 * Thrown below discovery; above it there is only `discovery_failed`.
 */
export class HostRefused extends Error {
  override readonly name = 'HostRefused';
}
