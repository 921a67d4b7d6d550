import { type HttpMessage, isSigned } from '@countersign/httpsig';
import {
  AAuthError,
  authorityOf,
  type Caller,
  type Challenge,
  type Clock,
  createDiscovery,
  createRequestVerifier,
  type Discovery,
  errorResponse,
  IDENTITY_SCOPES,
  isAAuthError,
  issueResourceToken,
  type KeySet,
  parseScope,
  parseServerIdentifier,
  type Random,
  randomSecret,
  refusalReporter,
  type ReplayStore,
  type ServerIdentifier,
  systemClock,
  systemRandom,
} from '@countersign/protocol';
import { type AgentFilter, checkAgentLists, readAgentList } from './agent-list.js';
import { decide, openingChallenge, type TokenRequest } from './decide.js';
import { DocumentDesk } from './document-desk.js';
import type { ResourceOptions } from './options.js';
import type { Outcome } from './outcome.js';
import { type Admit, createAdmission } from './progressive/admit.js';
import type { Requirement, RequirementSettings } from './requirement.js';
import { checkNamedDocuments, type DocumentsKnown } from './document-requirement.js';

/** The pieces that routes and guards share. */
export interface ResourceContext {
  readonly id: ServerIdentifier;
  readonly keys: KeySet;
  readonly name: string | undefined;
  readonly scopes: Readonly<Record<string, string>>;
  readonly maxBodyBytes: number;
  /**
   * Judges a message. `request`, when given, is remembered with who signed it (`callers`): a request that passes a
   * second guard is not verified again, since by then it is a repeat of itself.
   */
  readonly evaluate: (
    message: HttpMessage,
    requirement: Requirement,
    request?: Request,
  ) => Promise<Outcome>;
  /** The same for a route with limits for each level. */
  readonly admit: Admit;
  /** What routes are checked against when they are made. */
  readonly settings: RequirementSettings;
  /** Who signed the requests that have been verified and are still being handled. */
  readonly callers: WeakMap<Request, Caller>;
  readonly mint: (
    request: TokenRequest,
  ) => Promise<{ token: string; authServer: ServerIdentifier }>;
  readonly report: (error: AAuthError) => void;
  readonly documents: DocumentDesk;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly random: Random;
  readonly insecureLoopback: boolean;
}

const contexts = new WeakMap<object, ResourceContext>();

/** Remembers what a resource works with, for the parts that are added to it later. */
export function bindContext<T extends object>(resource: T, context: ResourceContext): T {
  contexts.set(resource, context);
  return resource;
}

/** What `resource` works with. Throws `configuration_invalid` for anything that `createResource` did not make. */
export function contextOf(resource: object): ResourceContext {
  const context = contexts.get(resource);
  if (context !== undefined) return context;
  throw new AAuthError('configuration_invalid', 'Pass the resource that createResource returned.');
}

/** Resource tokens live ten minutes (PROTOCOL section 3). */
export const RESOURCE_TOKEN_SECONDS = 600;

/** Checks the options and makes what routes and guards work with. */
export function createContext(options: ResourceOptions): ResourceContext {
  const { insecureLoopback = false, clock = systemClock, random = systemRandom } = options;
  const id = parseServerIdentifier(options.id, 'The resource id', { insecureLoopback });
  const authServers = options.authServers.map((one) =>
    parseServerIdentifier(one, 'Each auth server', { insecureLoopback }),
  );
  const [firstAuthServer] = authServers;
  if (firstAuthServer === undefined) {
    throw new AAuthError('configuration_invalid', 'A resource trusts at least one auth server.');
  }
  checkScopeNames(Object.keys(options.scopes));
  const { tokenOpener, documents: named = {} } = options;
  const documents = new DocumentDesk({ id, keys: options.keys, named, tokenOpener, clock });
  const documentsKnown: DocumentsKnown = {
    named,
    canOpenTokens: tokenOpener !== undefined,
    fits: (asked, content) => documents.fits(asked, content),
  };
  checkNamedDocuments(options.scopes, documentsKnown);
  const report = refusalReporter(options.onRefused, random);
  const discovery = options.discovery ?? createDiscovery({ clock, insecureLoopback });
  const verifyRequest = createRequestVerifier({
    id,
    clock,
    insecureLoopback,
    discovery,
    trustedIssuers: authServers,
    replay: {
      replay: ownPart(options.replay),
      requireNonce: options.requireNonce ?? false,
    },
    authorities: [authorityOf(id), ...(options.authorities ?? [])],
    ...(options.tokenOpener === undefined ? {} : { tokenOpener: options.tokenOpener }),
    ...(options.x509Roots === undefined ? {} : { x509Roots: options.x509Roots }),
    ...(options.verifySignature === undefined ? {} : { verifySignature: options.verifySignature }),
    ...(options.acceptWire === undefined ? {} : { acceptWire: options.acceptWire }),
    ...(options.windowSeconds === undefined ? {} : { windowSeconds: options.windowSeconds }),
    ...(options.skewSeconds === undefined ? {} : { skewSeconds: options.skewSeconds }),
    ...(options.maxAuthTokenSeconds === undefined
      ? {}
      : { maxAuthTokenSeconds: options.maxAuthTokenSeconds }),
  });

  const mint: ResourceContext['mint'] = async (request) => {
    const chosen = options.chooseAuthServer?.(request) ?? firstAuthServer;
    const authServer = authServers.find((one) => one === chosen);
    if (authServer === undefined) {
      throw new AAuthError(
        'configuration_invalid',
        'chooseAuthServer must return one of authServers.',
      );
    }
    const token = await issueResourceToken(options.keys.current, {
      resource: id,
      authServer,
      agent: request.agent,
      agentThumbprint: request.agentThumbprint,
      // A document says the scopes itself (PROTOCOL section 3: one of the two).
      ...(request.authRequestUrl === undefined
        ? { scope: request.scopes }
        : { authRequestUrl: request.authRequestUrl }),
      now: clock(),
      tokenId: randomSecret(random, 128),
      lifetimeSeconds: RESOURCE_TOKEN_SECONDS,
    });
    return { token, authServer };
  };

  const callers = new WeakMap<Request, Caller>();
  const own =
    options.agents === undefined ? undefined : readAgentList(options.agents, { insecureLoopback });
  const identify = async (
    message: HttpMessage,
    agents: AgentFilter | undefined,
    request: Request | undefined,
  ): Promise<Caller> => {
    const known = request === undefined ? undefined : callers.get(request);
    const caller = known ?? (await verifyRequest(message)).caller;
    if (request !== undefined) callers.set(request, caller);
    if (own !== undefined || agents !== undefined) await checkAgentLists(caller, [own, agents]);
    return caller;
  };
  const refused = (error: unknown, opening: Challenge): Exclude<Outcome, { type: 'access' }> => {
    const known = asAAuthError(error);
    report(known);
    const mayComeBack = known.code === 'invalid_signature' || known.code === 'invalid_token';
    return mayComeBack
      ? { type: 'challenge', challenge: opening, error: known }
      : { type: 'refusal', error: known };
  };
  const evaluate: ResourceContext['evaluate'] = async (message, requirement, request) => {
    const opening = { kind: openingChallenge(requirement) } as const;
    if (!isSigned(message)) return { type: 'challenge', challenge: opening };
    try {
      const caller = await identify(message, requirement.agents, request);
      const document =
        requirement.level === 'authorization' && requirement.document !== undefined
          ? await documents.documentFor(requirement.document, requirement.scopes, caller, message)
          : undefined;
      const decision = decide(caller, requirement, document);
      if (decision.kind === 'access') return { type: 'access', access: decision.access };
      const { ask, error } = decision;
      if (error !== undefined) report(error);
      const why = error === undefined ? {} : { error };
      if (typeof ask === 'string') return { type: 'challenge', challenge: { kind: ask }, ...why };
      const { token: resourceToken, authServer } = await mint(ask);
      const challenge = { kind: 'auth-token', resourceToken, authServer } as const;
      return { type: 'challenge', challenge, ...why };
    } catch (error) {
      return refused(error, opening);
    }
  };
  const { rateLimits } = options;
  const admit = createAdmission({ id, clock, rateLimits, identify, mint, refused, report });

  const { keys, scopes, name, maxBodyBytes = 1024 * 1024 } = options;
  const settings = {
    scopes,
    agents: own,
    insecureLoopback,
    hasRateLimits: rateLimits !== undefined,
    documents: documentsKnown,
  };
  return {
    id,
    keys,
    name,
    scopes,
    settings,
    maxBodyBytes,
    evaluate,
    admit,
    callers,
    mint,
    report,
    documents,
    discovery,
    clock,
    random,
    insecureLoopback,
  };
}

/** The store is one of the resource's own parts: that it fails says nothing about the request (PROTOCOL section 7). */
function ownPart(replay: ReplayStore): ReplayStore {
  const unreachable = (cause: unknown): never => {
    throw new AAuthError(
      'temporarily_unavailable',
      'The request cannot be checked now; try again shortly.',
      { rule: 'replay_store_unreachable', cause, retryAfterSeconds: 10 },
    );
  };
  return { remember: (record, now) => replay.remember(record, now).catch(unreachable) };
}

/** A name that no token can carry would make a route that never opens, however often a person consents. */
function checkScopeNames(names: readonly string[]): void {
  const unusable = names.filter(
    (name) => parseScope(name)?.length !== 1 || IDENTITY_SCOPES.includes(name),
  );
  if (unusable.length > 0) {
    throw new AAuthError(
      'configuration_invalid',
      `These scopes cannot be granted: ${unusable.join(', ')}. A scope is one word, and ` +
        `${IDENTITY_SCOPES.join(', ')} ask for claims about a person, not for access.`,
    );
  }
}

/** Anything that is not ours is a fault of ours: answered as 500 with nothing internal in it. */
export function asAAuthError(error: unknown): AAuthError {
  if (isAAuthError(error)) return error;
  return new AAuthError('server_error', 'The server made a mistake.', { cause: error });
}

/** The answer to an error thrown outside `evaluate`: reading a body, an unroutable path. */
export function refusalResponse(context: ResourceContext, error: unknown): Response {
  const known = asAAuthError(error);
  context.report(known);
  return errorResponse(known);
}
