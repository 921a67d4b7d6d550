import {
  importVerificationKey,
  parsePublicJwk,
  SignatureError,
  thumbprint,
  type VerificationKey,
} from '@countersign/httpsig';
import { isJsonObject } from '../json.js';
import { HostRefused } from './document-fetch.js';

/** A JWKS with more keys than this is refused whole. */
const MAX_KEYS = 1000;

/** Imported keys kept per JWKS; the one imported first goes first. */
const MAX_IMPORTED = 32;

const MAX_KID_LENGTH = 256;

/**
 * The keys of one JWKS from one fetch. Keys are read when they are asked for, so that a neighbour that is malformed,
 * weak or of an unknown kind spoils nothing, and importing is paid for once. Until then they are held as text, which
 * takes no more memory than the document did.
 */
export class PublishedKeys {
  /** The text of each key by `kid`; `undefined` where two keys share it. */
  readonly #texts = new Map<string, string | undefined>();
  readonly #imported = new Map<string, Promise<VerificationKey>>();
  /** Those of `#imported` that have been. */
  readonly #held = new Map<string, VerificationKey>();
  #kids: Promise<ReadonlyMap<string, string>> | undefined;

  /** Throws {@link HostRefused} unless `document` is a JWKS of at most 1,000 keys. Entries without `kid` are ignored. */
  constructor(document: unknown) {
    const keys = isJsonObject(document) ? document['keys'] : undefined;
    if (!Array.isArray(keys)) throw new HostRefused('not a JWKS');
    if (keys.length > MAX_KEYS) throw new HostRefused('too many keys');
    for (const key of keys as unknown[]) {
      const kid = isJsonObject(key) ? key['kid'] : undefined;
      if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) continue;
      this.#texts.set(kid, this.#texts.has(kid) ? undefined : JSON.stringify(key));
    }
  }

  /** True when at least one key has this `kid`. */
  has(kid: string): boolean {
    return this.#texts.has(kid);
  }

  /**
   * The key with this `kid`, `undefined` when there is none; the same object each time.
   * Throws {@link HostRefused} when two keys have it, or it is malformed, weak or unsupported.
   */
  async find(kid: string): Promise<VerificationKey | undefined> {
    if (!this.#texts.has(kid)) return undefined;
    const text = this.#texts.get(kid);
    if (text === undefined) throw new HostRefused('two keys with the wanted kid');
    return await (this.#imported.get(kid) ?? this.#import(kid, text));
  }

  /** The key with this `kid` where {@link PublishedKeys.find} has found it before. */
  held(kid: string): VerificationKey | undefined {
    return this.#held.get(kid);
  }

  /** The `kid` of the key with this thumbprint. Thumbprints are computed when one is first asked for, and once. */
  async kidOf(print: string): Promise<string | undefined> {
    this.#kids ??= this.#readThumbprints();
    return (await this.#kids).get(print);
  }

  async #readThumbprints(): Promise<ReadonlyMap<string, string>> {
    const kids = new Map<string, string>();
    for (const [kid, text] of this.#texts) {
      if (text === undefined) continue;
      try {
        kids.set(await thumbprint(parsePublicJwk(JSON.parse(text)).jwk), kid);
      } catch (error) {
        // A neighbour that is malformed, weak or of an unknown kind spoils nothing here either.
        if (!(error instanceof SignatureError)) throw error;
      }
    }
    return kids;
  }

  #import(kid: string, text: string): Promise<VerificationKey> {
    const [oldest] = this.#imported.keys();
    if (this.#imported.size >= MAX_IMPORTED && oldest !== undefined) {
      this.#imported.delete(oldest);
      this.#held.delete(oldest);
    }
    const imported = importVerificationKey(JSON.parse(text)).then(
      (key) => {
        if (this.#imported.get(kid) === imported) this.#held.set(kid, key);
        return key;
      },
      (error: unknown) => {
        throw error instanceof SignatureError
          ? new HostRefused(`wanted key: ${error.rule}`)
          : error;
      },
    );
    this.#imported.set(kid, imported);
    return imported;
  }
}
