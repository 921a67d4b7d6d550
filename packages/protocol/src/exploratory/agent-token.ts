import type { PublicJwk, VerificationKey } from '@countersign/httpsig';
import type { ServerIdentifier } from '../identifiers.js';
import { signJws, verifyJws } from '../jws.js';
import type { PublishedKey } from '../key-set.js';
import {
  ClaimReader,
  confirmationClaim,
  TOKEN_TYPES,
  type TokenExpectations,
} from './token-claims.js';

declare const verified: unique symbol;

/** An agent token that has been verified: `delegate` acts for `agent` with the key in `confirmation`. */
export interface VerifiedAgentToken {
  readonly [verified]: 'agent-token';
  readonly agent: ServerIdentifier;
  readonly delegate: string;
  readonly expiresAt: number;
  readonly confirmation: VerificationKey;
}

export interface AgentTokenExpectations extends TokenExpectations {
  /** The receiver's own identifier: an `aud` that is present must name it. */
  readonly audience: ServerIdentifier;
  /** Finds the agent server's key; `undefined` when it publishes none of that `kid`. */
  readonly findKey: (agent: ServerIdentifier, kid: string) => Promise<VerificationKey | undefined>;
}

/**
 * Verifies an agent token (PROTOCOL section 3): type, claims and times first, then the agent server's key, then the
 * signature. Throws `AAuthError` `invalid_token`; errors of `findKey` are passed on.
 * Does not check that the request was signed by `confirmation`: the request's verifier does.
 */
export async function verifyAgentToken(
  token: string,
  expect: AgentTokenExpectations,
): Promise<VerifiedAgentToken> {
  const claims: ClaimReader = ClaimReader.open(token, TOKEN_TYPES.agent, 'invalid_token', expect);
  const agent = claims.identifier('iss');
  const delegate = claims.string('sub');
  const audience: unknown = claims.payload['aud'];
  if (audience !== undefined) {
    const named: unknown[] = Array.isArray(audience) ? audience : [audience];
    if (!named.includes(expect.audience)) claims.refuse('aud_other');
  }
  const { maxLifetimeSeconds = 86_400 } = expect;
  const expiresAt = claims.expiry(expect, maxLifetimeSeconds);
  const confirmation = await claims.confirmation();
  const key = await expect.findKey(agent, claims.jws.header.kid);
  if (key === undefined) claims.refuse('kid_unknown');
  if (!(await verifyJws(claims.jws, key, expect.verifySignature))) claims.refuse('token_signature');
  const result: Omit<VerifiedAgentToken, typeof verified> = {
    agent,
    delegate,
    expiresAt,
    confirmation,
  };
  return result as VerifiedAgentToken;
}

/** Signs an agent token for `delegate`, bound to its key. `lifetimeSeconds` defaults to one hour. */
export async function issueAgentToken(
  key: PublishedKey,
  claims: {
    readonly agent: ServerIdentifier;
    readonly delegate: string;
    readonly confirmation: PublicJwk;
    readonly audience?: ServerIdentifier | readonly ServerIdentifier[];
    readonly now: number;
    readonly tokenId: string;
    readonly lifetimeSeconds?: number;
  },
): Promise<string> {
  const payload = {
    iss: claims.agent,
    sub: claims.delegate,
    ...(claims.audience === undefined ? {} : { aud: claims.audience }),
    cnf: confirmationClaim(claims.confirmation),
    exp: claims.now + (claims.lifetimeSeconds ?? 3600),
    iat: claims.now,
    jti: claims.tokenId,
  };
  return await signJws(TOKEN_TYPES.agent, payload, key, key.kid);
}
