import {
  type HttpMessage,
  importVerificationKey,
  utf8,
  type VerificationKey,
} from '@countersign/httpsig';
import {
  AAuthError,
  authRequestDocument,
  type AuthorizationDetail,
  type Caller,
  type Clock,
  decodeJws,
  isOnOrigin,
  type JsonObject,
  type KeySet,
  parseScope,
  readAuthorizationDetails,
  type ServerIdentifier,
  signJws,
  type TokenOpener,
  verifyJws,
} from '@countersign/protocol';
import { subjectIssuerOf } from './access.js';
import {
  checkRequestDocument,
  type DocumentMaker,
  type NamedDocument,
  type RequestDocument,
} from './request-document.js';

/** Where a resource's Auth Request Documents are: `…/NAME`, or everything in `?request=…`. */
export const DOCUMENT_PATH = '/aauth/auth-request';
const PARAMETER = 'request';

/** Marks the JWS in an address, so that it can stand for nothing else and nothing else for it. */
const DOCUMENT_TYPE = 'auth-request+jwt';

/** As far as receivers read an address (PROTOCOL section 6). */
const MAX_URL_LENGTH = 2048;

const REMEMBERED_URLS = 256;

/** The longest signature of an elliptic curve, encoded. */
const SIGNATURE_LENGTH = 128;

/** A document as the decision about a request sees it. */
export interface AskedDocument {
  readonly url: string;
  readonly details: readonly AuthorizationDetail[];
  /** Only an encrypted token will do. */
  readonly encrypted: boolean;
}

/** Where a route's document comes from, once it has been checked. */
export type DocumentSource =
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'fixed'; readonly content: RequestDocument }
  | { readonly kind: 'made'; readonly make: DocumentMaker };

export interface DeskOptions {
  readonly id: ServerIdentifier;
  readonly keys: KeySet;
  readonly named: Readonly<Record<string, NamedDocument>>;
  readonly tokenOpener: TokenOpener | undefined;
  readonly clock: Clock;
}

/**
 * Writes a resource's Auth Request Documents (PROTOCOL section 5.9) and serves them. A document without a name is kept
 * nowhere: its whole content is in its address, signed with the resource's own key, so that any process with the keys can
 * serve it and nobody else can make one.
 */
export class DocumentDesk {
  readonly #options: DeskOptions;
  readonly #keys = new Map<string, Promise<VerificationKey>>();
  /** Some algorithms sign the same content differently each time, and another address is another document to an agent. */
  readonly #urls = new Map<string, string>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** The document that a route asks with, for this caller and message; `undefined` for a caller to be asked for more first. */
  async documentFor(
    source: DocumentSource,
    scopes: readonly string[],
    caller: Caller,
    message: HttpMessage,
  ): Promise<AskedDocument | undefined> {
    // Whoever has shown no identity is asked for that first.
    if (caller.kind === 'key') return undefined;
    switch (source.kind) {
      case 'named': {
        const content = this.#options.named[source.name];
        if (content === undefined) throw new TypeError('a named document is checked at start');
        return this.#asked(this.#namedUrl(source.name), content);
      }
      case 'fixed':
        return this.#asked(await this.#url(scopes, source.content), source.content);
      case 'made':
        return await this.#make(source.make, scopes, caller, message);
    }
  }

  async #make(
    make: DocumentMaker,
    scopes: readonly string[],
    caller: Exclude<Caller, { kind: 'key' }>,
    message: HttpMessage,
  ): Promise<AskedDocument | undefined> {
    const holder = caller.kind === 'agent' ? undefined : caller.token;
    const { agent, delegate } = caller.kind === 'agent' ? caller : caller.token;
    // A sign-in token names no agent: it is no identity either.
    if (agent === undefined) return undefined;
    try {
      const request = requestOf(this.#options.id, message);
      const subject = holder?.subject;
      const subjectIssuer =
        holder === undefined || subject === undefined ? undefined : subjectIssuerOf(holder);
      const content = await make(request, { agent, delegate, subject, subjectIssuer });
      checkRequestDocument(content, 'The document', this.#options.tokenOpener !== undefined);
      if (!this.fits(scopes, content)) throw new RangeError('too long for an address');
      return this.#asked(await this.#url(scopes, content), content);
    } catch (cause) {
      // What it was made of is the caller's: an amount that is missing, a text that is too long.
      throw new AAuthError(
        'invalid_request',
        'The request does not say what a person could be asked to approve.',
        { rule: 'document_not_made', cause },
      );
    }
  }

  #asked(url: string, { details = [], encrypted }: RequestDocument): AskedDocument {
    const { tokenOpener } = this.#options;
    return { url, details, encrypted: encrypted ?? tokenOpener !== undefined };
  }

  #namedUrl(name: string): string {
    return `${this.#options.id}${DOCUMENT_PATH}/${name}`;
  }

  async #url(scopes: readonly string[], content: RequestDocument): Promise<string> {
    const payload = payloadOf(scopes, content);
    const text = JSON.stringify(payload);
    const known = this.#urls.get(text);
    if (known !== undefined) return known;
    const { id, keys } = this.#options;
    const token = await signJws(DOCUMENT_TYPE, payload, keys.current, keys.current.kid);
    const url = `${id}${DOCUMENT_PATH}?${PARAMETER}=${token}`;
    const [oldest] = this.#urls.keys();
    if (this.#urls.size >= REMEMBERED_URLS && oldest !== undefined) this.#urls.delete(oldest);
    this.#urls.set(text, url);
    return url;
  }

  /** Whether the content is short enough for an address. */
  fits(scopes: readonly string[], content: RequestDocument): boolean {
    const { id, keys } = this.#options;
    const { kid, algorithm, publicJwk } = keys.current;
    const encoded = (bytes: number): number => Math.ceil((bytes * 4) / 3);
    const header = JSON.stringify({ alg: algorithm.jws, kid, typ: DOCUMENT_TYPE });
    const parts = [header, JSON.stringify(payloadOf(scopes, content))].map(
      (one) => utf8(one).length,
    );
    const signature = publicJwk.kty === 'RSA' ? publicJwk.n.length : SIGNATURE_LENGTH;
    const token = parts.reduce((sum, part) => sum + encoded(part) + 1, signature);
    return `${id}${DOCUMENT_PATH}?${PARAMETER}=`.length + token <= MAX_URL_LENGTH;
  }

  /** The JSON of the document at an address of this resource; `undefined` when it has made none that is there. */
  async read(url: string): Promise<JsonObject | undefined> {
    const { id, tokenOpener, clock } = this.#options;
    const found = isOnOrigin(url, id) ? await this.#find(url) : undefined;
    if (found === undefined) return undefined;
    const { purpose, description, details, expiresIn, encrypted } = found;
    const expiresAt = expiresIn === undefined ? found.expiresAt : clock() + expiresIn;
    const encryptionJwk = encrypted === false ? undefined : tokenOpener?.publicJwk;
    return authRequestDocument({
      resource: id,
      scope: found.scopes,
      ...(purpose === undefined ? {} : { purpose }),
      ...(description === undefined ? {} : { description }),
      ...(details === undefined ? {} : { authorizationDetails: details }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(encryptionJwk === undefined ? {} : { encryptionJwk }),
    });
  }

  async #find(url: string): Promise<NamedDocument | undefined> {
    const { id, named } = this.#options;
    const byContent = `${id}${DOCUMENT_PATH}?${PARAMETER}=`;
    if (url.startsWith(byContent)) return await this.#open(url.slice(byContent.length));
    const name = url.slice(this.#namedUrl('').length);
    return url === this.#namedUrl(name) && Object.hasOwn(named, name) ? named[name] : undefined;
  }

  async #open(token: string): Promise<NamedDocument | undefined> {
    const jws = decodeJws(token);
    if (typeof jws === 'string' || jws.header.typ !== DOCUMENT_TYPE) return undefined;
    const jwk = this.#options.keys.jwks.keys.find(({ kid }) => kid === jws.header.kid);
    if (jwk === undefined) return undefined;
    const { kid } = jws.header;
    const key = this.#keys.get(kid) ?? importVerificationKey(jwk);
    this.#keys.set(kid, key);
    return (await verifyJws(jws, await key)) ? contentOf(jws.payload) : undefined;
  }
}

/** A document's content as it stands in an address. The order of members is fixed: equal content, equal address. */
function payloadOf(scopes: readonly string[], content: RequestDocument): JsonObject {
  const { purpose, description, details, expiresIn, expiresAt, encrypted } = content;
  const members = {
    scope: scopes.join(' '),
    purpose,
    description,
    authorization_details: details,
    expires_in: expiresIn,
    expires_at: expiresAt,
    encrypted,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** Reads what {@link payloadOf} wrote and this resource signed. */
function contentOf(payload: JsonObject): NamedDocument | undefined {
  const { scope, purpose, description, encrypted } = payload;
  const { authorization_details: asked, expires_in: expiresIn, expires_at: expiresAt } = payload;
  const scopes = parseScope(scope);
  const details = readAuthorizationDetails(asked);
  if (scopes === undefined) return undefined;
  return {
    scopes,
    ...(typeof purpose === 'string' ? { purpose } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(details === undefined ? {} : { details }),
    ...(typeof expiresIn === 'number' ? { expiresIn } : {}),
    ...(typeof expiresAt === 'number' ? { expiresAt } : {}),
    ...(typeof encrypted === 'boolean' ? { encrypted } : {}),
  };
}

/** The request that was verified, for the function that makes its document. */
function requestOf(id: ServerIdentifier, { method, target, headers, body }: HttpMessage): Request {
  const withBody = body !== undefined && body.length > 0 && method !== 'GET' && method !== 'HEAD';
  return new Request(`${id}${target}`, {
    method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    ...(withBody ? { body } : {}),
  });
}
