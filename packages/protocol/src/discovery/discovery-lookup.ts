import type { Cached, DocumentCache, Load } from './document-cache.js';
import { NotAdmitted } from './admit-host.js';
import { NoRoom } from './outbound-limit.js';

/** One document that discovery needed, and where it came from: for logs, metrics and spans. */
export interface DiscoveryLookup {
  /** The host that was named, with its port where it is not 443. Strangers choose it: never a metric's label. */
  readonly host: string;
  readonly document: 'metadata' | 'keys' | 'certificates' | 'request-document';
  /**
   * `fetched` now; `cached`; `stale` after asking again failed or took too long; `failed`; `failed-before`, which is
   * remembered for ten seconds and not tried again; `no-room` when too many requests were in flight; `not-admitted` when
   * a limit of the receiver's did not let it be asked.
   */
  readonly result:
    'fetched' | 'cached' | 'stale' | 'failed' | 'failed-before' | 'no-room' | 'not-admitted';
  readonly durationMilliseconds: number;
}

/** Told of every look-up once it is over, in the asynchronous context of whoever asked. Must not throw. */
export type OnDiscoveryLookup = (lookup: DiscoveryLookup) => void;

/** Takes a document out of its cache, and tells where it came from when somebody wants to know. */
export async function lookUp<V>(
  cache: DocumentCache<V>,
  {
    how,
    url,
    document,
    admit,
  }: {
    how: 'get' | 'refresh';
    url: URL;
    document: DiscoveryLookup['document'];
    admit?: (() => Promise<void> | void) | undefined;
  },
  load: Load<V>,
  onLookup: OnDiscoveryLookup | undefined,
): Promise<Cached<V>> {
  if (onLookup === undefined) return await cache[how](url.href, load, admit);
  const begun = performance.now();
  const before = cache.sequence;
  let asked = false;
  const tell = (result: DiscoveryLookup['result']): void => {
    onLookup({ host: url.host, document, result, durationMilliseconds: performance.now() - begun });
  };
  try {
    const asking: Load<V> = (known) => {
      asked = true;
      return load(known);
    };
    const found = await cache[how](url.href, asking, admit);
    tell(found.sequence > before ? 'fetched' : asked ? 'stale' : 'cached');
    return found;
  } catch (error) {
    tell(
      error instanceof NotAdmitted
        ? 'not-admitted'
        : error instanceof NoRoom
          ? 'no-room'
          : asked
            ? 'failed'
            : 'failed-before',
    );
    throw error;
  }
}
