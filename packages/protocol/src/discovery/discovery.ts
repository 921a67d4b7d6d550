import type { Bytes, VerificationKey } from '@countersign/httpsig';
import type { AdmitHost } from './admit-host.js';
import type { OnDiscoveryLookup } from './discovery-lookup.js';
import type { IdentifierOptions, ServerIdentifier } from '../identifiers.js';
import type { JsonObject } from '../json.js';

/** On whose account hosts are asked, and who is told of it. */
export interface Asker {
  readonly admitHost?: AdmitHost | undefined;
  readonly onLookup?: OnDiscoveryLookup | undefined;
}

/** How one kind of metadata document is found and read. The words of a wire are in its values, not in discovery. */
export interface MetadataKind<T extends PublishesKeys> {
  /** The name after `/.well-known/`. */
  readonly wellKnown: string;
  /** Reads the document fetched for `id`; `undefined` when it names someone else or lacks a required member. */
  read(document: JsonObject, id: ServerIdentifier, options: IdentifierOptions): T | undefined;
}

/** What every metadata document has in common. */
export interface PublishesKeys {
  readonly jwksUri: string;
}

/**
 * Finds the metadata and keys of servers that somebody named (PROTOCOL section 6): guarded, bounded and cached.
 * Whatever is wrong with a host, every method throws the same `AAuthError` `discovery_failed` with the same public
 * text; what was really wrong is in `detail`, for the log.
 */
export interface Discovery {
  /** The metadata document of `id`. */
  metadata<T extends PublishesKeys>(kind: MetadataKind<T>, id: ServerIdentifier): Promise<T>;

  /** The key `kid` of `id`, through its metadata; `undefined` when its JWKS has no such key. */
  publishedKey(
    kind: MetadataKind<PublishesKeys>,
    id: ServerIdentifier,
    kid: string,
  ): Promise<VerificationKey | undefined>;

  /**
   * The key of `id`, through its metadata, with this RFC 7638 SHA-256 thumbprint (base64url); `undefined` when its JWKS
   * has no such key. Keys without `kid` and keys that share one are not found.
   */
  keyByThumbprint(
    kind: MetadataKind<PublishesKeys>,
    id: ServerIdentifier,
    thumbprint: string,
  ): Promise<VerificationKey | undefined>;

  /** The key `kid` of the JWKS at `url`; `undefined` when it has no such key. */
  keyAt(url: string, kid: string): Promise<VerificationKey | undefined>;

  /**
   * The JSON object at `url`, fetched anew for every call but those that run at the same time: what it says now is what
   * somebody is about to be asked. Nothing in it has been looked at.
   */
  documentAt(url: string): Promise<JsonObject>;

  /**
   * The certificates (DER, leaf first) in the PEM at `url`, whose leaf has this SHA-256 (base64url); `undefined` when
   * it has another. Nothing in them has been verified. The same array for as long as they are held.
   */
  certificatesAt(url: string, thumbprint: string): Promise<readonly Bytes[] | undefined>;

  /**
   * The same discovery, with the same caches, as it is asked by somebody: what is given here takes the place of what
   * {@link createDiscovery} was given. Absent where a discovery does not tell who asks; then it is the same for all.
   */
  askedBy?(asker: Asker): Discovery;
}
