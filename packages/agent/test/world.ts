import {
  generatePrivateJwk,
  type HttpMessage,
  messageFromRequest,
  type VerificationKey,
  importVerificationKey,
  type Wire,
} from '@countersign/httpsig';
import {
  type AAuthError,
  agentDocument,
  authServerDocument,
  type Caller,
  type Challenge,
  createRequestVerifier,
  type Discovery,
  encryptToken,
  isAAuthError,
  issueAuthToken,
  issueResourceToken,
  type JsonObject,
  type KeySet,
  loadKeySet,
  type MetadataKind,
  parseForm,
  parseServerIdentifier,
  type PublishesKeys,
  serializeChallenge,
  type ServerIdentifier,
  type TokenOpener,
  AAuthError as AAuthFailure,
} from '@countersign/protocol';
import { createAgent } from '../src/index.js';
import type { Agent, AgentOptions, InteractionRequest } from '../src/index.js';

export const AGENT = identifier('https://agent.example');
export const API = identifier('https://api.example');
export const AUTH = identifier('https://auth.example');
export const NOW = 1_768_786_030;
export const SCOPE = ['data.read', 'data.write'];

export function identifier(value: string): ServerIdentifier {
  return parseServerIdentifier(value, 'test', { insecureLoopback: true });
}

const made = new Map<string, Promise<KeySet>>();

/** A key set under that `kid`, made once per test file. */
export function keysOf(kid: string): Promise<KeySet> {
  const held =
    made.get(kid) ?? generatePrivateJwk({ kid }).then((jwk) => loadKeySet({ keys: [jwk] }));
  made.set(kid, held);
  return held;
}

/** What a token is granted for. */
interface Asked {
  readonly scope: readonly string[];
  readonly audience: ServerIdentifier;
  readonly document?: string;
}

/** A request as it arrived somewhere. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  readonly init: RequestInit;
  /** `jwks`, `hwk` or `jwt`. */
  readonly scheme: string | undefined;
  readonly signatureKey: string;
}

type Handler = (request: Request, seen: Seen) => Response | Promise<Response>;

/** A resource and auth servers as functions, with real keys, real tokens and real verification of what arrives. */
export class World {
  now = NOW;
  readonly clock = (): number => this.now;
  readonly seen: Seen[] = [];
  readonly asked: InteractionRequest[] = [];
  readonly handlers = new Map<string, Handler>();
  readonly published = new Map<string, JsonObject>();
  readonly keys = new Map<string, KeySet>();
  agentKeys!: KeySet;
  insecureLoopback = false;
  /** Has auth tokens encrypted to the resource. */
  tokenOpener: TokenOpener | undefined;

  // The resource.
  wanted: readonly string[] = SCOPE;
  authServer: ServerIdentifier = AUTH;
  /** What a challenge's resource token says instead of the truth. */
  resourceClaims: Partial<Parameters<typeof issueResourceToken>[1]> = {};
  challengeAuthServer: string | undefined;
  /** Answers in place of the ordinary behaviour when it returns a response. */
  resource: (seen: Seen, caller: Caller) => Response | undefined | Promise<Response | undefined> =
    () => undefined;

  // The auth server.
  consent: 'direct' | 'person' = 'direct';
  refreshTokens = false;
  expiresIn = 3600;
  authTokenClaims: Partial<Parameters<typeof issueAuthToken>[1]> = {};
  token: (
    form: ReadonlyMap<string, string>,
  ) => Response | undefined | Promise<Response | undefined> = () => undefined;
  readonly codes = new Map<string, Asked>();
  readonly requests = new Map<string, Asked>();
  readonly refreshable = new Map<string, Asked>();
  #serial = 0;

  static async create(): Promise<World> {
    const world = new World();
    world.agentKeys = await keysOf('key-1');
    world.keys.set(AGENT, world.agentKeys);
    await world.addResource(API);
    await world.addAuthServer(AUTH);
    world.published.set(
      `${AGENT} aauth-agent`,
      agentDocument({ agent: AGENT, jwksUri: `${AGENT}/jwks.json` }),
    );
    return world;
  }

  async addResource(id: ServerIdentifier): Promise<void> {
    this.keys.set(id, await keysOf(`resource ${id}`));
    this.handlers.set(id, (request, seen) => this.#resource(id, request, seen));
  }

  async addAuthServer(id: ServerIdentifier): Promise<void> {
    this.keys.set(id, await keysOf(`auth ${id}`));
    this.handlers.set(id, (request, seen) => this.#authServer(id, request, seen));
    this.published.set(
      `${id} aauth-issuer`,
      authServerDocument({
        issuer: id,
        jwksUri: `${id}/jwks.json`,
        tokenEndpoint: `${id}/agent/token`,
        authEndpoint: `${id}/agent/auth`,
      }),
    );
  }

  readonly discovery: Discovery = {
    metadata: <T extends PublishesKeys>(
      kind: MetadataKind<T>,
      id: ServerIdentifier,
    ): Promise<T> => {
      const document = this.published.get(`${id} ${kind.wellKnown}`);
      const read = document && kind.read(document, id, { insecureLoopback: this.insecureLoopback });
      return read === undefined
        ? Promise.reject(new AAuthFailure('discovery_failed', 'not found'))
        : Promise.resolve(read);
    },
    publishedKey: (_kind, id, kid) => this.#key(id, kid),
    keyByThumbprint: async (_kind, id, thumbprint) => {
      const { current } = this.keys.get(id) ?? {};
      return current?.thumbprint === thumbprint ? await this.#key(id, current.kid) : undefined;
    },
    keyAt: () => Promise.resolve(undefined),
    certificatesAt: () => Promise.resolve(undefined),
    documentAt: () => Promise.reject(new AAuthFailure('discovery_failed', 'not found')),
  };

  async #key(id: string, kid: string): Promise<VerificationKey | undefined> {
    const jwk = this.keys.get(id)?.jwks.keys.find((one) => one.kid === kid);
    return jwk === undefined ? undefined : await importVerificationKey(jwk);
  }

  readonly transport: typeof fetch = async (input, init) => {
    const request = new Request(input as string, { ...init });
    const body = new TextDecoder().decode((init?.body ?? new Uint8Array()) as Uint8Array);
    const signatureKey = request.headers.get('signature-key') ?? '';
    const seen: Seen = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      body,
      init: init ?? {},
      scheme: /scheme=(\w+)/.exec(signatureKey)?.[1],
      signatureKey,
    };
    this.seen.push(seen);
    const handler = this.handlers.get(new URL(request.url).origin);
    if (handler === undefined) throw new TypeError('fetch failed');
    return await handler(request, seen);
  };

  /** Who signed, verified in full. */
  async caller(
    id: ServerIdentifier,
    message: HttpMessage,
    acceptWire?: readonly Wire[],
  ): Promise<Caller> {
    const verify = createRequestVerifier({
      id,
      discovery: this.discovery,
      clock: this.clock,
      trustedIssuers: () => true,
      insecureLoopback: this.insecureLoopback,
      acceptWire: acceptWire ?? this.acceptWire,
      ...(this.tokenOpener === undefined ? {} : { tokenOpener: this.tokenOpener }),
    });
    return (await verify(message)).caller;
  }
  acceptWire: readonly Wire[] = ['rfc9421', '2026-02'];

  async #resource(id: ServerIdentifier, request: Request, seen: Seen): Promise<Response> {
    let caller: Caller;
    try {
      caller = await this.caller(id, await messageFromRequest(request));
    } catch (error) {
      return refused(error as AAuthError);
    }
    const special = await this.resource(seen, caller);
    if (special !== undefined) return special;
    if (caller.kind === 'token-holder') {
      const held = caller.token.scope;
      if (this.wanted.every((name) => held.includes(name))) return new Response('welcome');
      return await this.challenge(caller, { status: 403, resource: id });
    }
    return await this.challenge(caller, { resource: id });
  }

  /** `Authorization required`, with a real resource token. */
  async challenge(
    caller: Caller,
    options: {
      status?: number;
      resource?: ServerIdentifier;
      scope?: readonly string[];
      /** Asks with that document in place of scopes. */
      authRequestUrl?: string;
    } = {},
  ): Promise<Response> {
    const { status = 401, resource = API, authRequestUrl } = options;
    const { scope = this.wanted } = options;
    if (caller.kind === 'key') return agentAuth({ kind: 'identity' });
    const resourceToken = await issueResourceToken(this.keys.get(resource)!.current, {
      resource,
      authServer: this.authServer,
      agent: caller.kind === 'agent' ? caller.agent : caller.token.agent!,
      agentThumbprint: caller.key.thumbprint,
      ...(authRequestUrl === undefined ? { scope } : { authRequestUrl }),
      now: this.now,
      tokenId: `rt-${++this.#serial}`,
      ...this.resourceClaims,
    });
    const authServer = this.challengeAuthServer ?? this.authServer;
    return agentAuth({ kind: 'auth-token', resourceToken, authServer }, status);
  }

  async #authServer(id: ServerIdentifier, request: Request, seen: Seen): Promise<Response> {
    const message = await messageFromRequest(request);
    let caller: Caller;
    try {
      caller = await this.caller(id, message);
    } catch (error) {
      return refused(error as AAuthError);
    }
    const form = parseForm(message);
    const special = await this.token(form);
    if (special !== undefined) return special;
    if (seen.url !== `${id}/agent/token` || caller.kind !== 'agent')
      return json({ error: 'invalid_request' }, 400);
    switch (form.get('request_type') ?? '') {
      case 'auth': {
        const claims = claimsOf(form.get('resource_token') ?? '') as {
          iss: ServerIdentifier;
          scope?: string;
          auth_request_url?: string;
        };
        const { auth_request_url: document } = claims;
        const asked = form.has('scope')
          ? { scope: [], audience: caller.agent }
          : {
              scope: claims.scope?.split(' ') ?? this.wanted,
              audience: claims.iss,
              ...(document === undefined ? {} : { document }),
            };
        if (this.consent === 'direct') return await this.grant(id, caller, asked);
        const requestToken = `request-${++this.#serial}`;
        this.requests.set(requestToken, asked);
        return json({ request_token: requestToken, expires_in: 600 });
      }
      case 'code': {
        const asked = this.codes.get(form.get('code') ?? '');
        this.codes.delete(form.get('code') ?? '');
        return asked === undefined
          ? json({ error: 'invalid_grant' }, 400)
          : await this.grant(id, caller, asked);
      }
      case 'refresh': {
        const asked = this.refreshable.get(form.get('refresh_token') ?? '');
        return asked === undefined
          ? json({ error: 'invalid_grant' }, 400)
          : await this.grant(id, caller, asked, false);
      }
      default:
        return json({ error: 'unsupported_request_type' }, 400);
    }
  }

  async grant(
    issuer: ServerIdentifier,
    caller: Extract<Caller, { kind: 'agent' }>,
    asked: Asked,
    withRefresh = this.refreshTokens,
  ): Promise<Response> {
    const signed = await issueAuthToken(this.keys.get(issuer)!.current, {
      issuer,
      audience: asked.audience,
      confirmation: caller.key.jwk,
      scope: asked.scope,
      ...(asked.audience === caller.agent ? { subject: 'sub-ann' } : { agent: caller.agent }),
      delegate: caller.delegate,
      now: this.now,
      tokenId: `at-${++this.#serial}`,
      lifetimeSeconds: this.expiresIn,
      ...(asked.document === undefined
        ? {}
        : { claims: { authorization_details: [{ type: 'document', url: asked.document }] } }),
      ...this.authTokenClaims,
    });
    const key = this.tokenOpener?.publicJwk;
    const token = key === undefined ? signed : await encryptToken(signed, key);
    const refreshToken = `refresh-${++this.#serial}`;
    if (withRefresh) this.refreshable.set(refreshToken, asked);
    return json({
      auth_token: token,
      expires_in: this.expiresIn,
      token_type: 'Bearer',
      ...(withRefresh ? { refresh_token: refreshToken } : {}),
    });
  }

  /** What a person who approves is redirected to. */
  approve(consentUrl: string, more: Record<string, string> = {}): string {
    const query = new URL(consentUrl).searchParams;
    const code = `code-${++this.#serial}`;
    const asked = this.requests.get(query.get('request_token')!);
    if (asked !== undefined) this.codes.set(code, asked);
    return this.answer(consentUrl, { code, iss: new URL(consentUrl).origin, ...more });
  }

  /** The callback address with these parameters and the flow's `state`. */
  answer(consentUrl: string, parameters: Record<string, string>): string {
    const query = new URL(consentUrl).searchParams;
    const url = new URL(query.get('redirect_uri')!);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    if (!url.searchParams.has('state')) url.searchParams.set('state', query.get('state')!);
    return url.href;
  }

  options(more: Partial<AgentOptions> = {}): AgentOptions {
    return {
      id: AGENT,
      keys: this.agentKeys,
      interaction: { mode: 'wait', present: (request) => void this.asked.push(request) },
      discovery: this.discovery,
      fetch: this.transport,
      clock: this.clock,
      ...more,
    };
  }

  agent(more: Partial<AgentOptions> = {}): Agent {
    return createAgent(this.options(more));
  }

  /** An agent whose person approves at once, through the callback. */
  approvingAgent(more: Partial<AgentOptions> = {}): Agent {
    this.consent = 'person';
    const agent = this.agent({
      interaction: {
        mode: 'wait',
        present: async (request) => {
          this.asked.push(request);
          await agent.handle(new Request(this.approve(request.url)));
        },
      },
      ...more,
    });
    return agent;
  }

  /** The requests that went to an origin. */
  to(origin: string): Seen[] {
    return this.seen.filter(({ url }) => new URL(url).origin === origin);
  }

  /** The `request_type` of every token endpoint request so far. */
  tokenRequests(origin: string = AUTH): string[] {
    return this.to(origin).map(({ body }) => new URLSearchParams(body).get('request_type') ?? '');
  }
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

export function agentAuth(
  challenge: Challenge,
  status = 401,
  headers: Record<string, string> = {},
): Response {
  return new Response('Authorization required', {
    status,
    headers: { 'Agent-Auth': serializeChallenge(challenge), ...headers },
  });
}

function refused(error: AAuthError): Response {
  if (!isAAuthError(error)) throw error as Error;
  const answer = agentAuth({ kind: 'identity' });
  answer.headers.set('Refused', error.rule ?? error.code);
  return answer;
}

/** Waits until `ready`, letting other work go on. */
export async function until(ready: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!ready() && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!ready()) throw new Error('it did not happen');
}

/** The rejection of a promise; throws when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<AAuthError> {
  try {
    await promise;
  } catch (error) {
    return error as AAuthError;
  }
  throw new Error('it was expected to be refused');
}

/** The claims of a token that stands in a Signature-Key header. */
export function tokenOf(seen: Seen): JsonObject | undefined {
  const jwt = /jwt="([^"]+)"/.exec(seen.signatureKey)?.[1];
  return jwt === undefined ? undefined : claimsOf(jwt);
}

function claimsOf(jwt: string): JsonObject {
  const part = jwt.split('.')[1] ?? 'e30';
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonObject;
}
