/**
 * A small world for tests: parties with real keys, a clock that stands still, and a discovery that answers from
 * memory, counts what it is asked and can be made to fail. Everything that is signed here is signed for real.
 */
import { readFileSync } from 'node:fs';
import {
  type AlgorithmName,
  type Bytes,
  encodeBase64Url,
  generatePrivateJwk,
  type HeaderLine,
  type HttpMessage,
  importSigningKey,
  importVerificationKey,
  messageTarget,
  type PrivateJwk,
  type PublicJwk,
  type SignatureKey,
  signMessage,
  type SigningKey,
  utf8,
  type VerificationKey,
  type Wire,
} from '@countersign/httpsig';
import {
  AAuthError,
  agentDocument,
  authorityOf,
  authServerDocument,
  type Discovery,
  issueAgentToken,
  issueAuthToken,
  issueResourceToken,
  type JsonObject,
  type KeySet,
  loadKeySet,
  type MetadataKind,
  parseServerIdentifier,
  type PublishesKeys,
  resourceDocument,
  type ServerIdentifier,
  signingProfile,
  parseUrl,
} from '@countersign/protocol';

/** The time in the middle of the captured run. */
export const NOW = 1_768_786_030;

/** A clock that moves only when it is told to. */
export interface TestClock {
  (): number;
  advance(seconds: number): void;
}

export function testClock(start = NOW): TestClock {
  let now = start;
  return Object.assign(() => now, {
    advance: (seconds: number) => {
      now += seconds;
    },
  });
}

/** A server identifier; `http` is allowed for loopback. */
export function identifier(text: string): ServerIdentifier {
  return parseServerIdentifier(text, 'The identifier of a test', { insecureLoopback: true });
}

const rsa = JSON.parse(
  readFileSync(new URL('../../httpsig/test/vectors/test-keys.json', import.meta.url), 'utf8'),
) as Record<AlgorithmName, PrivateJwk>;

/** A private JWK: generated, except for RSA, which would take long. */
export async function privateJwk(
  algorithm: AlgorithmName = 'ed25519',
  kid = 'key-1',
): Promise<PrivateJwk & { kid: string }> {
  if (algorithm === 'rsa-pss-sha512') return { ...rsa[algorithm], kid };
  return await generatePrivateJwk({ algorithm, kid });
}

/** A key set of one new key. */
export async function makeKeys(kid = 'key-1', algorithm: AlgorithmName = 'ed25519') {
  return await loadKeySet({ keys: [await privateJwk(algorithm, kid)] });
}

export async function makeSigningKey(algorithm: AlgorithmName = 'ed25519'): Promise<SigningKey> {
  return await importSigningKey(await privateJwk(algorithm));
}

/** One who signs requests: with which key, and where receivers find it. */
export interface Signer {
  readonly key: SigningKey;
  readonly signatureKey: SignatureKey;
}

export interface Party {
  readonly id: ServerIdentifier;
  readonly authority: string;
  readonly keys: KeySet;
}

export interface TestAgent extends Party, Signer {}

async function makeParty(id: string, kid: string, algorithm?: AlgorithmName): Promise<Party> {
  const parsed = identifier(id);
  return { id: parsed, authority: authorityOf(parsed), keys: await makeKeys(kid, algorithm) };
}

/** An agent server that signs with its published key. */
export async function makeAgent(
  id = 'https://agent.example',
  algorithm: AlgorithmName = 'ed25519',
): Promise<TestAgent> {
  const party = await makeParty(id, 'key-1', algorithm);
  return { ...party, key: party.keys.current, signatureKey: jwksOf(party) };
}

export const makeResource = (id = 'https://rs.example'): Promise<Party> =>
  makeParty(id, 'resource-key-1');

export const makeAuthServer = (id = 'https://as.example'): Promise<Party> =>
  makeParty(id, 'auth-key-1');

/** `scheme=jwks`, mode 2: the party's current key, found through the document `wellKnown`. */
export function jwksOf(party: Party, wellKnown = 'aauth-agent'): SignatureKey {
  const { kid } = party.keys.current;
  return { scheme: 'jwks', mode: 'identifier', id: party.id, kid, wellKnown };
}

/** A bare key: `scheme=hwk`. */
export async function makeBareKey(algorithm: AlgorithmName = 'ed25519'): Promise<Signer> {
  const key = await makeSigningKey(algorithm);
  return { key, signatureKey: { scheme: 'hwk', jwk: key.publicJwk } };
}

/** One who signs with `key` and shows `jwt`: `scheme=jwt`. */
export function holder(key: SigningKey, jwt: string): Signer {
  return { key, signatureKey: { scheme: 'jwt', jwt } };
}

/** A delegate of `agent` with a key of its own. */
export async function makeDelegate(
  agent: Party,
  options: { sub?: string; audience?: ServerIdentifier; now?: number } = {},
): Promise<Signer & { readonly jwt: string }> {
  const { sub = 'delegate-1', audience, now = NOW } = options;
  const key = await makeSigningKey();
  const jwt = await issueAgentToken(agent.keys.current, {
    agent: agent.id,
    delegate: sub,
    confirmation: key.publicJwk,
    ...(audience === undefined ? {} : { audience }),
    now,
    tokenId: `agent-token-${now}`,
  });
  return { ...holder(key, jwt), jwt };
}

/** What an auth token grants in {@link authTokenFor}; `undefined` leaves a claim out. */
export interface Grant {
  readonly scope?: readonly string[];
  readonly subject?: string;
  readonly delegate?: string;
  /** `undefined` for a sign-in token. */
  readonly agent?: ServerIdentifier | undefined;
  readonly claims?: JsonObject;
  readonly now?: number;
  readonly lifetimeSeconds?: number;
}

/** An auth token of `authServer` for `audience`, bound to the agent's key. */
export async function authTokenFor(
  authServer: Party,
  audience: Party,
  agent: Party & { readonly key: SigningKey },
  grant: Grant = {},
): Promise<string> {
  const { scope = ['data.read'], now = NOW, lifetimeSeconds } = grant;
  const named = 'agent' in grant ? grant.agent : agent.id;
  return await issueAuthToken(authServer.keys.current, {
    issuer: authServer.id,
    audience: audience.id,
    confirmation: agent.key.publicJwk,
    scope,
    ...(named === undefined ? {} : { agent: named }),
    subject: grant.subject ?? 'testuser',
    delegate: grant.delegate,
    ...(grant.claims === undefined ? {} : { claims: grant.claims }),
    now,
    tokenId: `auth-token-${now}`,
    ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
  });
}

/** A resource token of `resource` for `authServer`, about the agent's key. */
export async function resourceTokenFor(
  resource: Party,
  authServer: Party,
  agent: Party & { readonly key: SigningKey },
  more: { scope?: readonly string[]; authRequestUrl?: string; now?: number } = {},
): Promise<string> {
  const { authRequestUrl, now = NOW } = more;
  const scope = more.scope ?? (authRequestUrl === undefined ? ['data.read'] : undefined);
  return await issueResourceToken(resource.keys.current, {
    resource: resource.id,
    authServer: authServer.id,
    agent: agent.id,
    agentThumbprint: agent.key.thumbprint,
    ...(scope === undefined ? {} : { scope }),
    ...(authRequestUrl === undefined ? {} : { authRequestUrl }),
    now,
    tokenId: `resource-token-${now}`,
  });
}

const part = (value: object | string | Uint8Array): string =>
  encodeBase64Url(
    value instanceof Uint8Array
      ? value
      : utf8(typeof value === 'string' ? value : JSON.stringify(value)),
  );

/** Signs a compact JWS of exactly this header and payload; texts and bytes go in as they are. */
export async function compact(
  header: object | string | Uint8Array,
  payload: object | string | Uint8Array,
  key: SigningKey,
): Promise<string> {
  const signingInput = `${part(header)}.${part(payload)}`;
  return `${signingInput}.${encodeBase64Url(await key.sign(utf8(signingInput)))}`;
}

/** Header and payload of a compact JWS, unverified. */
export function decoded(token: string): { header: JsonObject; payload: JsonObject } {
  const [header, payload] = token
    .split('.', 2)
    .map((text) => JSON.parse(Buffer.from(text, 'base64url').toString()) as JsonObject);
  if (header === undefined || payload === undefined) throw new Error('not a compact JWS');
  return { header, payload };
}

/** One question that was put to {@link FakeDiscovery}. */
export interface Lookup {
  readonly asked:
    'metadata' | 'publishedKey' | 'keyByThumbprint' | 'keyAt' | 'certificatesAt' | 'documentAt';
  /** The identifier or the URL. */
  readonly of: string;
  readonly wellKnown?: string;
  readonly kid?: string;
}

/** A discovery that answers from memory. What it does not know fails as an unreachable host does. */
export class FakeDiscovery implements Discovery {
  /** Everything it was asked, in order. */
  readonly lookups: Lookup[] = [];
  readonly #documents = new Map<string, JsonObject>();
  readonly #keySets = new Map<string, readonly unknown[]>();
  readonly #imported = new Map<string, Promise<VerificationKey>>();
  readonly #failing = new Map<string, Error | undefined>();

  /** How often it was asked. */
  get count(): number {
    return this.lookups.length;
  }

  /** Publishes a metadata document, and nothing else. */
  publishDocument(id: string, wellKnown: string, document: JsonObject): this {
    this.#documents.set(`${id}/.well-known/${wellKnown}`, document);
    return this;
  }

  /** Publishes a JWKS: public JWKs, or whatever a test wants to stand there. */
  publishKeys(url: string, keys: readonly unknown[]): this {
    this.#keySets.set(url, keys);
    return this;
  }

  publishAgent(party: Party, more: { redirectUris?: readonly string[]; name?: string } = {}): this {
    const jwksUri = this.#publishJwks(party);
    const document = agentDocument({ agent: party.id, jwksUri, ...more });
    return this.publishDocument(party.id, 'aauth-agent', document);
  }

  publishResource(
    party: Party,
    more: {
      scopeDescriptions?: Readonly<Record<string, string>>;
      resourceTokenEndpoint?: string;
      name?: string;
    } = {},
  ): this {
    const jwksUri = this.#publishJwks(party);
    const document = resourceDocument({ resource: party.id, jwksUri, ...more });
    return this.publishDocument(party.id, 'aauth-resource', document);
  }

  publishAuthServer(party: Party): this {
    const jwksUri = this.#publishJwks(party);
    const document = authServerDocument({
      issuer: party.id,
      jwksUri,
      tokenEndpoint: `${party.id}/agent/token`,
      authEndpoint: `${party.id}/agent/auth`,
    });
    return this.publishDocument(party.id, 'aauth-issuer', document);
  }

  /** From now on everything at this origin fails: as an unreachable host, or with `error`. */
  fail(origin: string, error?: Error): this {
    this.#failing.set(origin, error);
    return this;
  }

  recover(origin: string): this {
    this.#failing.delete(origin);
    return this;
  }

  async metadata<T extends PublishesKeys>(kind: MetadataKind<T>, id: ServerIdentifier): Promise<T> {
    this.lookups.push({ asked: 'metadata', of: id, wellKnown: kind.wellKnown });
    return this.#read(kind, id);
  }

  async publishedKey(
    kind: MetadataKind<PublishesKeys>,
    id: ServerIdentifier,
    kid: string,
  ): Promise<VerificationKey | undefined> {
    this.lookups.push({ asked: 'publishedKey', of: id, wellKnown: kind.wellKnown, kid });
    return await this.#find(this.#read(kind, id).jwksUri, kid);
  }

  async keyByThumbprint(
    kind: MetadataKind<PublishesKeys>,
    id: ServerIdentifier,
    print: string,
  ): Promise<VerificationKey | undefined> {
    this.lookups.push({ asked: 'keyByThumbprint', of: id, wellKnown: kind.wellKnown });
    const url = this.#read(kind, id).jwksUri;
    this.#check(url);
    for (const jwk of this.#keySets.get(url) ?? unreachable('status 404')) {
      const key = await importVerificationKey(jwk).catch(() => undefined);
      if (key?.thumbprint === print) return key;
    }
    return undefined;
  }

  async keyAt(url: string, kid: string): Promise<VerificationKey | undefined> {
    this.lookups.push({ asked: 'keyAt', of: url, kid });
    return await this.#find(url, kid);
  }

  /** Publishes a JSON document at a URL. */
  publishAt(url: string, document: JsonObject): this {
    this.#documents.set(url, document);
    return this;
  }

  async documentAt(url: string): Promise<JsonObject> {
    this.lookups.push({ asked: 'documentAt', of: url });
    this.#check(url);
    return this.#documents.get(url) ?? unreachable('status 404');
  }

  /** It knows no certificates. */
  async certificatesAt(url: string): Promise<undefined> {
    this.lookups.push({ asked: 'certificatesAt', of: url });
    this.#check(url);
  }

  #publishJwks(party: Party): string {
    const url = `${party.id}/jwks.json`;
    this.publishKeys(url, party.keys.jwks.keys);
    return url;
  }

  #read<T extends PublishesKeys>(kind: MetadataKind<T>, id: ServerIdentifier): T {
    this.#check(id);
    const document = this.#documents.get(`${id}/.well-known/${kind.wellKnown}`);
    const read = document && kind.read(document, id, { insecureLoopback: true });
    return read ?? unreachable('no such document, or one of somebody else');
  }

  #check(url: string): void {
    const origin = parseUrl(url)?.origin ?? unreachable('not a URL');
    if (!this.#failing.has(origin)) return;
    throw this.#failing.get(origin) ?? unreachable('ECONNREFUSED');
  }

  async #find(url: string, kid: string): Promise<VerificationKey | undefined> {
    this.#check(url);
    const keys = this.#keySets.get(url) ?? unreachable('status 404');
    const named = keys.filter((key) => (key as PublicJwk).kid === kid);
    if (named.length > 1) unreachable('two keys with the wanted kid');
    const [jwk] = named;
    if (jwk === undefined) return undefined;
    const text = JSON.stringify(jwk);
    const imported =
      this.#imported.get(text) ??
      importVerificationKey(jwk).catch(() => unreachable('the wanted key is malformed'));
    this.#imported.set(text, imported);
    return await imported;
  }
}

function unreachable(detail: string): never {
  const message = 'The metadata or keys of the named server could not be used.';
  throw new AAuthError('discovery_failed', message, { detail });
}

/** An agent, a resource and an auth server that all know one another. */
export interface World {
  readonly clock: TestClock;
  readonly discovery: FakeDiscovery;
  readonly agent: TestAgent;
  readonly resource: Party;
  readonly authServer: Party;
}

export async function makeWorld(): Promise<World> {
  const [agent, resource, authServer] = await Promise.all([
    makeAgent(),
    makeResource(),
    makeAuthServer(),
  ]);
  const discovery = new FakeDiscovery()
    .publishAgent(agent, { redirectUris: [`${agent.id}/callback`] })
    .publishResource(resource)
    .publishAuthServer(authServer);
  return { clock: testClock(), discovery, agent, resource, authServer };
}

/** A request to be signed. */
export interface Shape {
  /** Default `POST` with a body, else `GET`. */
  readonly method?: string;
  readonly url: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: string | Bytes;
  /** The authority it is signed for. Default: the URL's. */
  readonly authority?: string;
  /** Unix seconds; default {@link NOW}. */
  readonly created?: number;
  readonly wire?: Wire;
}

/** Signs a request and returns it as it would arrive, `Host` included. */
export async function signedMessage(signer: Signer, shape: Shape): Promise<HttpMessage> {
  const { url, headers = [], created = NOW, wire } = shape;
  const body = typeof shape.body === 'string' ? utf8(shape.body) : shape.body;
  const { host } = new URL(url);
  const message: HttpMessage = {
    method: shape.method ?? (body === undefined ? 'GET' : 'POST'),
    target: messageTarget(url),
    headers: [['Host', host], ...headers],
    body,
  };
  const added = await signMessage(message, {
    profile: signingProfile,
    key: signer.key,
    signatureKey: signer.signatureKey,
    authority: shape.authority ?? host,
    created,
    ...(wire === undefined ? {} : { wire }),
  });
  return { ...message, headers: [...message.headers, ...added] };
}

/** The message as a Fetch request to `origin`. */
export function requestOf(message: HttpMessage, origin: string): Request {
  const { method, target, headers, body } = message;
  const lines = headers.map(([name, value]): [string, string] => [name, value]);
  return new Request(`${origin}${target}`, {
    method,
    headers: lines,
    ...(body === undefined ? {} : { body }),
  });
}

/** Signs a request and returns it as a Fetch request. */
export async function signedRequest(signer: Signer, shape: Shape): Promise<Request> {
  return requestOf(await signedMessage(signer, shape), new URL(shape.url).origin);
}

const is = (name: string) => (line: HeaderLine) => line[0].toLowerCase() === name.toLowerCase();

/** Replaces the value of a header that is there; a change that changes nothing is a mistake of the test. */
export function changedHeader(
  message: HttpMessage,
  name: string,
  change: (value: string) => string,
): HttpMessage {
  const found = message.headers.find(is(name));
  if (found === undefined || change(found[1]) === found[1]) throw new Error(`${name} unchanged`);
  const headers = message.headers.map((line): HeaderLine => {
    return is(name)(line) ? [line[0], change(line[1])] : line;
  });
  return { ...message, headers };
}

export function withoutHeader(message: HttpMessage, name: string): HttpMessage {
  return { ...message, headers: message.headers.filter((line) => !is(name)(line)) };
}

/** The first byte of the signature flipped: a well-formed signature that is nobody's. */
export function withBrokenSignature(message: HttpMessage): HttpMessage {
  return changedHeader(message, 'signature', (value) =>
    value.replace(/=:(.)/, (_all, first: string) => `=:${first === 'A' ? 'B' : 'A'}`),
  );
}

/** Waits for a refusal and returns it; anything else fails the test. */
export async function refusalOf(work: Promise<unknown>): Promise<AAuthError> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    if (error instanceof AAuthError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(value)}`);
}
