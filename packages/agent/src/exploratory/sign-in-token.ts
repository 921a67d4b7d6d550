import {
  AAuthError,
  authServerMetadata,
  isAAuthError,
  type ServerIdentifier,
  type VerifiedAuthToken,
  verifyAuthToken,
} from '@countersign/protocol';
import type { AgentContext } from '../context.js';
import { type PersonClaims, signedInPerson, type SignedInPerson } from '../signed-in-person.js';

/**
 * Verifies a sign-in token in full, since the agent is its resource (PROTOCOL sections 5.6 and 5.12). In order: type,
 * `iss` is the auth server that was asked, `aud` is the agent itself, times, `cnf`; the signature by the key that the
 * auth server publishes; not expired; no `agent`, and no delegate but the agent's own; bound to the agent's key; a
 * `sub`; claims of the right types.
 *
 * Throws `AAuthError` `response_invalid` whose `rule` names the first that failed, and `discovery_failed` when the
 * auth server's keys cannot be had.
 */
export async function verifySignInToken(
  token: string,
  authServer: ServerIdentifier,
  context: AgentContext,
): Promise<SignedInPerson> {
  const verified = await verifyAsResource(token, authServer, context);
  const refuse = (rule: string): never => unusable(authServer, rule);
  // With `agent` it would be an auth token for a resource: made for another purpose, perhaps without asking who it is.
  if (verified.agent !== undefined) refuse('agent_present');
  if (verified.delegate !== undefined && context.agentToken === undefined) {
    refuse('agent_delegate_present');
  }
  if (verified.confirmation.thumbprint !== context.keys.current.thumbprint) refuse('cnf_other');
  const subject = verified.subject ?? refuse('sub_missing');
  const { issuer, expiresAt } = verified;
  return await signedInPerson({ issuer, subject, claims: readClaims(verified, refuse), expiresAt });
}

async function verifyAsResource(
  token: string,
  authServer: ServerIdentifier,
  { id, clock, discovery, identifiers }: AgentContext,
): Promise<VerifiedAuthToken> {
  try {
    const verification = await verifyAuthToken(token, {
      ...identifiers,
      now: clock(),
      audience: id,
      trustedIssuers: [authServer],
      findKey: (issuer, kid) => discovery.publishedKey(authServerMetadata, issuer, kid),
    });
    if (verification.state === 'valid') return verification.token;
  } catch (error) {
    if (!isAAuthError(error, 'invalid_token')) throw error;
    return unusable(authServer, error.rule ?? 'token_invalid');
  }
  return unusable(authServer, 'token_expired');
}

function readClaims({ claims }: VerifiedAuthToken, refuse: (rule: string) => never): PersonClaims {
  const text = (name: string): string | undefined => {
    const value = claims[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' ? value : refuse(`${name}_invalid`);
  };
  const flag = (name: string): boolean | undefined => {
    const value = claims[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'boolean' ? value : refuse(`${name}_invalid`);
  };
  const [name, email, emailVerified] = [text('name'), text('email'), flag('email_verified')];
  return {
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    ...(emailVerified === undefined ? {} : { emailVerified }),
  };
}

function unusable(authServer: ServerIdentifier, rule: string): never {
  throw new AAuthError(
    'response_invalid',
    `The auth server ${authServer} gave a sign-in that cannot be used.`,
    { rule },
  );
}
