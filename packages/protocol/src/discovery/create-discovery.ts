import type { VerificationKey } from '@countersign/httpsig';
import type { ServerIdentifier } from '../identifiers.js';
import { isJsonObject, type JsonObject, parseStrictJsonBytes } from '../json.js';
import { parseUrl } from '../parse-url.js';
import { createGuardedFetch } from '#platform';
import { NotAdmitted } from './admit-host.js';
import { parseDocumentUrl } from './address-guard.js';
import { withDeadline } from './deadline.js';
import type { Asker, Discovery, MetadataKind, PublishesKeys } from './discovery.js';
import { type Cached, DocumentCache, type Load } from './document-cache.js';
import { type FetchedDocument, HostRefused } from './document-fetch.js';
import { type DocumentType, JWKS, METADATA, PEM } from './document-types.js';
import {
  type DiscoveryOptions,
  MAX_JWKS_SECONDS,
  MIN_CACHE_SECONDS,
  readLimits,
} from './discovery-options.js';
import { type DiscoveryLookup, lookUp } from './discovery-lookup.js';
import { discoveryFailed, reasonOf } from './failure.js';
import { PublishedKeys } from './jwks.js';
import { OutboundLimit } from './outbound-limit.js';
import { type PublishedChain, readPublishedChain } from './published-chain.js';

/** PROTOCOL section 6: 64 KiB. */
const MAX_DOCUMENT_BYTES = 65_536;
const MAX_METADATA_SECONDS = 86_400;
/** Documents of a moment are not served again; what stays of them only says that their host has answered before. */
const MOMENTS_BYTES = 1_048_576;

/** A document with what the kind that asked for it first made of it. */
interface Metadata {
  readonly body: Uint8Array;
  readonly kind: MetadataKind<PublishesKeys>;
  readonly value: PublishesKeys;
}

/**
 * Discovery of metadata and keys (PROTOCOL section 6) with its caches; make one and share it.
 *
 * Every method rejects with `AAuthError` `discovery_failed`, one public text for everything that is wrong with
 * a host. Throws `configuration_invalid` at once for options that make no sense, and, on platforms where connected
 * addresses cannot be checked, unless `hosts` or `unguardedDiscovery` (or `fetchDocument`) is given.
 */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { clock } = options;
  const insecureLoopback = options.insecureLoopback === true;
  const { cacheSeconds, deadlineMs, ...limits } = readLimits(options);
  const cache = { ...limits, clock, staleAfterMs: deadlineMs / 4 };
  const outbound = new OutboundLimit({
    total: limits.maxInFlight,
    perHost: limits.maxInFlightPerHost,
  });
  const fetchDocument = options.fetchDocument ?? createGuardedFetch(options);
  const lifetimes = { defaultSeconds: cacheSeconds, minSeconds: MIN_CACHE_SECONDS };
  const documents = new DocumentCache<Metadata>({
    ...cache,
    lifetimes: { ...lifetimes, maxSeconds: MAX_METADATA_SECONDS },
  });
  const keySets = new DocumentCache<PublishedKeys>({
    ...cache,
    lifetimes: { ...lifetimes, maxSeconds: MAX_JWKS_SECONDS },
  });

  // Certificates carry keys: held no longer than a JWKS.
  const chains = new DocumentCache<PublishedChain>({
    ...cache,
    lifetimes: { ...lifetimes, maxSeconds: MAX_JWKS_SECONDS },
  });

  // A document of a moment: never fresh, never stale. The cache shares what is in flight and remembers failures.
  const moments = new DocumentCache<JsonObject>({
    ...cache,
    maxCacheBytes: MOMENTS_BYTES,
    admitKnown: true,
    lifetimes: { defaultSeconds: 0, minSeconds: 0, maxSeconds: 0 },
  });

  const download = async (
    url: URL,
    { accept, admits }: DocumentType,
    known: boolean,
  ): Promise<FetchedDocument> => {
    const fetched = await outbound.run(url.host, known, () =>
      withDeadline(
        fetchDocument(url.href, { accept, maxBytes: MAX_DOCUMENT_BYTES, deadlineMs }),
        deadlineMs,
      ),
    );
    if (fetched.status !== 200) throw new HostRefused(`status ${fetched.status}`);
    if (!admits(fetched.contentType)) throw new HostRefused('not the content type asked for');
    if (fetched.body.length > MAX_DOCUMENT_BYTES) throw new HostRefused('body too large');
    return fetched;
  };

  const readMetadata = <T extends PublishesKeys>(
    kind: MetadataKind<T>,
    id: ServerIdentifier,
    body: Uint8Array,
  ): T => {
    const document = parseStrictJsonBytes(body);
    if (!isJsonObject(document)) throw new HostRefused('not a JSON object');
    const value = kind.read(document, id, { insecureLoopback });
    if (value === undefined) throw new HostRefused('metadata of someone else, or incomplete');
    parseDocumentUrl(value.jwksUri, insecureLoopback);
    return value;
  };

  /**
   * What is held and fresh, looked for by the text that names it: it is found where that is a URL's own spelling. Most
   * requests need no more, and are spared the deadline, the parsing and the sixty promises of a look-up.
   */
  const heldMetadata = <T extends PublishesKeys>(
    kind: MetadataKind<T>,
    id: ServerIdentifier,
  ): T | undefined => {
    const document = documents.fresh(metadataUrl(kind, id));
    return document?.kind === kind ? (document.value as T) : undefined;
  };

  const heldKey = (url: string, kid: string): VerificationKey | undefined =>
    keySets.fresh(url)?.held(kid);

  /** `what` stands in the log: what a caller named, never a URL that a document named, since its host chose that. */
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await withDeadline(work(), deadlineMs);
    } catch (error) {
      if (error instanceof NotAdmitted) throw error.refusal;
      const cause = error instanceof HostRefused ? error : undefined;
      throw discoveryFailed(`${what}: ${reasonOf(error)}`, cause);
    }
  };

  /** Made for each request where hosts are asked on somebody's account: what does not depend on who asks is above. */
  const askedBy = ({ admitHost, onLookup }: Asker): Discovery => {
    const admitting = (named: string) => admitHost && (() => admitHost(named));

    const look = <V>(
      cache: DocumentCache<V>,
      what: {
        how: 'get' | 'refresh';
        url: URL;
        document: DiscoveryLookup['document'];
        admit?: (() => Promise<void> | void) | undefined;
      },
      load: Load<V>,
    ): Promise<Cached<V>> => lookUp(cache, what, load, onLookup);

    const metadata = async <T extends PublishesKeys>(
      kind: MetadataKind<T>,
      id: ServerIdentifier,
      how: 'get' | 'refresh',
    ): Promise<Cached<T>> => {
      const url = parseDocumentUrl(metadataUrl(kind, id), insecureLoopback);
      const { value: held, sequence } = await look(
        documents,
        { how, url, document: 'metadata', admit: admitting(id) },
        async (known) => {
          const { body, cacheControl } = await download(url, METADATA, known);
          const value = { body, kind, value: readMetadata(kind, id, body) };
          return { value, bytes: body.length, cacheControl };
        },
      );
      // Another kind may share the well-known name: it reads the same document in its own way.
      const value = held.kind === kind ? (held.value as T) : readMetadata(kind, id, held.body);
      return { value, sequence };
    };

    /** `admit` where the request itself named the JWKS: the host of a metadata document was admitted with that. */
    const keySet = (
      named: string,
      how: 'get' | 'refresh',
      admit?: () => Promise<void> | void,
    ): Promise<Cached<PublishedKeys>> => {
      const url = parseDocumentUrl(named, insecureLoopback);
      return look(keySets, { how, url, document: 'keys', admit }, async (known) => {
        const { body, cacheControl } = await download(url, JWKS, known);
        const value = new PublishedKeys(parseStrictJsonBytes(body));
        return { value, bytes: body.length, cacheControl };
      });
    };

    /**
     * The key, asking the host anew when what is held lacks it (at most every 30 s, since anybody can ask for a `kid`)
     * or can no longer be had where it was: `renewed` says where the keys are now.
     */
    const findKey = async (
      url: string,
      kidIn: (keys: PublishedKeys) => Promise<string | undefined> | string | undefined,
      renewed: () => Promise<string>,
      admit?: () => Promise<void> | void,
    ): Promise<VerificationKey | undefined> => {
      const find = async ({ value }: Cached<PublishedKeys>) => {
        const kid = await kidIn(value);
        return kid === undefined ? undefined : await value.find(kid);
      };
      const before = keySets.sequence;
      let held: Cached<PublishedKeys>;
      try {
        held = await keySet(url, 'get', admit);
      } catch (error) {
        if (error instanceof NotAdmitted) throw error;
        const now = await renewed();
        if (now === url) throw error;
        return await find(await keySet(now, 'get'));
      }
      const key = await find(held);
      // What was fetched for this very call cannot be improved by fetching it again.
      if (key !== undefined || held.sequence > before) return key;
      const now = await renewed();
      return await find(await keySet(now, now === url ? 'refresh' : 'get'));
    };

    const publishedKey = async (
      kind: MetadataKind<PublishesKeys>,
      id: ServerIdentifier,
      kidIn: Parameters<typeof findKey>[1],
    ): Promise<VerificationKey | undefined> => {
      const before = documents.sequence;
      const { value, sequence } = await metadata(kind, id, 'get');
      return await findKey(value.jwksUri, kidIn, async () => {
        if (sequence > before) return value.jwksUri;
        return (await metadata(kind, id, 'refresh')).value.jwksUri;
      });
    };

    const chainAt = (named: string, how: 'get' | 'refresh'): Promise<Cached<PublishedChain>> => {
      const url = parseDocumentUrl(named, insecureLoopback);
      return look(
        chains,
        { how, url, document: 'certificates', admit: admitting(named) },
        async (known) => {
          const { body, cacheControl } = await download(url, PEM, known);
          return { value: await readPublishedChain(body), bytes: body.length, cacheControl };
        },
      );
    };

    /** The chain, asking the host anew, as for a `kid`, when what is held has another leaf: it may have been renewed. */
    const findChain = async (
      url: string,
      thumbprint: string,
    ): Promise<PublishedChain | undefined> => {
      const before = chains.sequence;
      let held = await chainAt(url, 'get');
      if (held.value.thumbprint !== thumbprint && held.sequence <= before) {
        held = await chainAt(url, 'refresh');
      }
      return held.value.thumbprint === thumbprint ? held.value : undefined;
    };

    const tellHeld = (named: string, document: DiscoveryLookup['document']): void => {
      if (onLookup === undefined) return;
      const host = parseUrl(named)?.host ?? '';
      onLookup({ host, document, result: 'cached', durationMilliseconds: 0 });
    };

    return {
      askedBy: (asker) => askedBy({ admitHost, onLookup, ...asker }),

      metadata: (kind, id) => {
        const document = heldMetadata(kind, id);
        if (document !== undefined) {
          tellHeld(id, 'metadata');
          return Promise.resolve(document);
        }
        return attempt(
          `${kind.wellKnown} of ${id}`,
          async () => (await metadata(kind, id, 'get')).value,
        );
      },

      publishedKey: (kind, id, kid) => {
        const document = heldMetadata(kind, id);
        const key = document && heldKey(document.jwksUri, kid);
        if (document !== undefined && key !== undefined) {
          tellHeld(id, 'metadata');
          tellHeld(document.jwksUri, 'keys');
          return Promise.resolve(key);
        }
        return attempt(`keys of ${id} by ${kind.wellKnown}`, () =>
          publishedKey(kind, id, withKid(kid)),
        );
      },

      keyByThumbprint: (kind, id, thumbprint) =>
        attempt(`keys of ${id} by ${kind.wellKnown}`, () =>
          publishedKey(kind, id, (keys) => keys.kidOf(thumbprint)),
        ),

      keyAt: (url, kid) => {
        const key = heldKey(url, kid);
        if (key !== undefined) {
          tellHeld(url, 'keys');
          return Promise.resolve(key);
        }
        return attempt(`keys at ${originOf(url)}`, () =>
          findKey(url, withKid(kid), async () => url, admitting(url)),
        );
      },

      documentAt: (named) =>
        attempt(`document at ${originOf(named)}`, async () => {
          const url = parseDocumentUrl(named, insecureLoopback);
          const { value } = await look(
            moments,
            { how: 'get', url, document: 'request-document', admit: admitting(named) },
            async (known) => {
              const { body } = await download(url, METADATA, known);
              const document = parseStrictJsonBytes(body);
              if (!isJsonObject(document)) throw new HostRefused('not a JSON object');
              return { value: document, bytes: body.length, cacheControl: undefined };
            },
          );
          return value;
        }),

      certificatesAt: (url, thumbprint) =>
        attempt(
          `certificates at ${originOf(url)}`,
          async () => (await findChain(url, thumbprint))?.certificates,
        ),
    };
  };

  return askedBy(options);
}

const withKid = (kid: string) => (keys: PublishedKeys) => (keys.has(kid) ? kid : undefined);

function metadataUrl(kind: MetadataKind<PublishesKeys>, id: ServerIdentifier): string {
  return `${id}/.well-known/${kind.wellKnown}`;
}

/** What of a URL may stand in the log: never a path or query, which may hold what its sender wants kept. */
function originOf(url: string): string {
  return parseUrl(url)?.origin ?? 'an invalid URL';
}
