import type { VerificationKey } from '@countersign/httpsig';
import type { Discovery, MetadataKind, PublishesKeys } from '../discovery/discovery.js';
import { AAuthError, isAAuthError } from '../errors.js';
import type { ServerIdentifier } from '../identifiers.js';
import { type DecodedJws, decodeJws } from '../jws.js';
import { verifyAgentToken } from './agent-token.js';
import { isTrusted, verifyAuthToken } from './auth-token.js';
import type { Caller } from './caller.js';
import { agentMetadata, authServerMetadata } from './metadata.js';
import type { CallerResolverOptions } from './resolve-caller.js';
import { strangersKey } from './strangers-key.js';
import { isLive, TOKEN_TYPES, type TokenExpectations } from './token-claims.js';
import { isEncrypted, type TokenOpener } from './token-decryption.js';
import type { RememberedToken, TokenMemory } from './token-memory.js';

/** What a verified token says. */
interface VerifiedToken {
  readonly caller: Caller;
  readonly expiresAt: number;
  readonly issuer: ServerIdentifier;
}

/** A signed token, and whether it came encrypted. */
interface ShownToken {
  readonly token: string;
  readonly encrypted: boolean;
}

type FindKey = (issuer: ServerIdentifier, kid: string) => Promise<VerificationKey | undefined>;

/** What differs between the two kinds of token that may sign. */
interface TokenKind {
  readonly memory: TokenMemory;
  /** Finds the issuer's key; throws what the answer to a failure is. */
  readonly findKey: (
    issuer: ServerIdentifier,
    kid: string,
    discovery: Discovery,
  ) => Promise<VerificationKey | undefined>;
  /** Whether the issuer is still relied on. */
  readonly relied: (issuer: ServerIdentifier) => boolean | Promise<boolean>;
  verify(shown: ShownToken, now: number, findKey: FindKey): Promise<VerifiedToken>;
}

/**
 * Makes the function that says who a token in Signature-Key stands for. A token that was verified before is not
 * verified again until it expires: its issuer must still be relied on and must still publish the very key that
 * verified it.
 */
export function createTokenResolver(
  options: CallerResolverOptions,
  memories: { readonly auth: TokenMemory; readonly agent: TokenMemory },
): (jwt: string, now: number, discovery: Discovery) => Caller | Promise<Caller> {
  const kinds = {
    auth: authKind(options, memories.auth),
    agent: agentKind(options, memories.agent),
  };
  const { skewSeconds = 10 } = options;
  const resolve = async (
    jwt: string,
    hash: string,
    now: number,
    discovery: Discovery,
  ): Promise<Caller> => {
    for (const kind of [kinds.auth, kinds.agent]) {
      const caller = await recall(kind, hash, discovery, { now, skewSeconds });
      if (caller !== undefined) return caller;
    }
    const token = await opened(jwt, options.tokenOpener);
    const decoded = decodeJws(token);
    const isAuth =
      token !== jwt || (typeof decoded !== 'string' && decoded.header.typ === TOKEN_TYPES.auth);
    const kind = isAuth && options.trustedIssuers !== undefined ? kinds.auth : kinds.agent;
    const findKey: FindKey = (issuer, kid) => kind.findKey(issuer, kid, discovery);
    return await verifyAnew(
      { ...kind, findKey },
      { token, encrypted: token !== jwt },
      decoded,
      hash,
      now,
    );
  };
  // A token that stood a moment ago, within this very second, is answered without a promise: most requests of a busy
  // agent are of this kind, and each promise less is 0.2 µs.
  return (jwt, now, discovery) => {
    const hash = memories.auth.hash(jwt);
    if (typeof hash !== 'string') return hash.then((one) => resolve(jwt, one, now, discovery));
    const held = memories.auth.find(hash) ?? memories.agent.find(hash);
    return held?.stoodAt === now ? held.caller : resolve(jwt, hash, now, discovery);
  };
}

/** An encrypted token is opened first; what is inside is then verified like any other, and may be an auth token only. */
async function opened(jwt: string, opener: TokenOpener | undefined): Promise<string> {
  if (!isEncrypted(jwt)) return jwt;
  if (opener !== undefined) return await opener.open(jwt);
  throw new AAuthError('invalid_token', 'Encrypted tokens are not accepted here.', {
    rule: 'token_encrypted',
  });
}

async function recall(
  { memory, findKey, relied }: TokenKind,
  hash: string,
  discovery: Discovery,
  times: Pick<TokenExpectations, 'now' | 'skewSeconds'>,
): Promise<Caller | undefined> {
  const { now } = times;
  const held = memory.find(hash);
  if (held === undefined) return undefined;
  const { issuer, kid, issuerKey, expiresAt, caller } = held;
  const stands =
    isLive(expiresAt, times) &&
    (await relied(issuer)) &&
    (await findKey(issuer, kid, discovery))?.thumbprint === issuerKey.thumbprint;
  if (stands) {
    held.stoodAt = now;
    return caller;
  }
  memory.forget(hash);
  return undefined;
}

async function verifyAnew(
  kind: Pick<TokenKind, 'memory' | 'verify'> & { readonly findKey: FindKey },
  shown: ShownToken,
  decoded: DecodedJws | string,
  hash: string,
  now: number,
): Promise<Caller> {
  let issuerKey: VerificationKey | undefined;
  const verified = await kind.verify(shown, now, async (issuer, kid) => {
    issuerKey = await kind.findKey(issuer, kid);
    return issuerKey;
  });
  const { caller, issuer, expiresAt } = verified;
  if (
    typeof decoded !== 'string' &&
    issuerKey !== undefined &&
    caller.kind !== 'expired-token-holder'
  ) {
    const remembered: RememberedToken = {
      issuer,
      kid: decoded.header.kid,
      issuerKey,
      expiresAt,
      stoodAt: now,
      caller,
    };
    kind.memory.add(hash, remembered);
  }
  return caller;
}

function expectations(options: CallerResolverOptions, now: number) {
  const { id: audience, insecureLoopback = false, skewSeconds, verifySignature } = options;
  return {
    now,
    audience,
    insecureLoopback,
    verifySignature,
    ...(skewSeconds === undefined ? {} : { skewSeconds }),
  };
}

function authKind(options: CallerResolverOptions, memory: TokenMemory): TokenKind {
  const { trustedIssuers = [], maxAuthTokenSeconds } = options;
  return {
    memory,
    findKey: (issuer, kid, discovery) =>
      trustedKey(discovery.publishedKey(authServerMetadata, issuer, kid)),
    relied: (issuer) => isTrusted(issuer, trustedIssuers),
    verify: async ({ token, encrypted }, now, findKey) => {
      const result = await verifyAuthToken(token, {
        ...expectations(options, now),
        ...(maxAuthTokenSeconds === undefined ? {} : { maxLifetimeSeconds: maxAuthTokenSeconds }),
        trustedIssuers,
        findKey,
      });
      const { issuer, expiresAt, confirmation: key } = result.token;
      const caller: Caller =
        result.state === 'valid'
          ? { kind: 'token-holder', scheme: 'jwt', key, token: result.token, encrypted }
          : { kind: 'expired-token-holder', scheme: 'jwt', key, token: result.token };
      return { caller, issuer, expiresAt };
    },
  };
}

function agentKind(options: CallerResolverOptions, memory: TokenMemory): TokenKind {
  const kind: MetadataKind<PublishesKeys> = agentMetadata;
  return {
    memory,
    findKey: (agent, kid, discovery) => strangersKey(discovery.publishedKey(kind, agent, kid)),
    relied: () => true,
    verify: async ({ token }, now, findKey) => {
      const verified = await verifyAgentToken(token, { ...expectations(options, now), findKey });
      const { agent, delegate, expiresAt, confirmation: key } = verified;
      const caller: Caller = { kind: 'agent', scheme: 'jwt', key, agent, delegate };
      return { caller, issuer: agent, expiresAt };
    },
  };
}

/** A key of an auth server this receiver was configured with: its failure is ours to report as such. */
export async function trustedKey(
  find: Promise<VerificationKey | undefined>,
): Promise<VerificationKey | undefined> {
  try {
    return await find;
  } catch (error) {
    if (!isAAuthError(error, 'discovery_failed')) throw error;
    throw new AAuthError(
      'temporarily_unavailable',
      'The auth server that issued the token cannot be reached; try again shortly.',
      { rule: 'trusted_issuer_unreachable', cause: error, retryAfterSeconds: 10 },
    );
  }
}
