import {
  type Bytes,
  encodeBase64Url,
  type HeaderLine,
  type SignatureKey,
  signMessage,
} from '@countersign/httpsig';
import {
  AAuthError,
  agentMetadata,
  authorityOf,
  decodeJws,
  isSafeMethod,
  isServerIdentifier,
  signingProfile,
  TOKEN_TYPES,
} from '@countersign/protocol';
import { confirmationThumbprint } from './confirmation.js';
import type { AgentContext } from './context.js';
import type { Signing } from './reaction.js';

/** A request ready to be signed and sent. The body is the very bytes that go onto the wire. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Bytes | undefined;
}

const NONCE_BYTES = 16;

/**
 * Signs one request (PROTOCOL section 2) and returns all its headers. Each call makes a new signature; a method that
 * is not safe gets a `Nonce`, except under the `2026-01` wire. A body without `Content-Type` is sent as
 * `application/octet-stream`, because the type is covered.
 *
 * Throws `configuration_invalid` for an agent token that does not fit, and when a token would go to another resource.
 */
export async function signRequest(
  request: OutgoingRequest,
  signing: Signing,
  context: SigningContext,
): Promise<Headers> {
  const { keys, wire, random, clock, identifiers } = context;
  const url = new URL(request.url);
  const { origin } = url;
  if (!isServerIdentifier(origin, identifiers)) throw new TypeError('the address was not checked');
  if (signing.by === 'token' && signing.token.resource !== origin) {
    // A fault of ours or of the store's: an auth token is sent to its own audience only (PROTOCOL section 5.12).
    throw new AAuthError(
      'configuration_invalid',
      'A token held for one resource was to be sent to another.',
    );
  }
  const headers = new Headers(request.headers);
  if (!isSafeMethod(request.method) && wire !== '2026-01') {
    headers.set('Nonce', encodeBase64Url(random(NONCE_BYTES)));
  }
  const { body } = request;
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('Content-Type', 'application/octet-stream');
  }
  const message = {
    method: request.method,
    // What `fetch` sends: a bare `?` is left out there too.
    target: url.pathname + url.search,
    headers: [...headers] as HeaderLine[],
    body,
  };
  const added = await signMessage(message, {
    profile: signingProfile,
    key: keys.current,
    signatureKey: await signatureKeyOf(signing, { ...context, keys }),
    authority: authorityOf(origin),
    created: clock(),
    wire,
  });
  for (const [name, value] of added) headers.set(name, value);
  return headers;
}

/** What signing needs to know of an agent. */
export type SigningContext = Pick<
  AgentContext,
  'id' | 'keys' | 'agentToken' | 'wire' | 'random' | 'clock' | 'identifiers'
>;

/** How an agent signs while it shows no auth token. */
export function baseSigning(context: Pick<AgentContext, 'scheme'>): Signing {
  return context.scheme === 'hwk' ? { by: 'key' } : { by: 'identity' };
}

async function signatureKeyOf(signing: Signing, context: SigningContext): Promise<SignatureKey> {
  const { id, keys, agentToken } = context;
  switch (signing.by) {
    case 'key':
      return { scheme: 'hwk', jwk: keys.current.publicJwk };
    case 'token':
      return { scheme: 'jwt', jwt: signing.token.token };
    case 'upstream':
      return { scheme: 'jwt', jwt: signing.token };
    case 'identity':
      if (agentToken !== undefined) {
        const jwt = await agentToken();
        await checkAgentToken(jwt, context);
        return { scheme: 'jwt', jwt };
      }
      return {
        scheme: 'jwks',
        mode: 'identifier',
        id,
        kid: keys.current.kid,
        wellKnown: agentMetadata.wellKnown,
      };
  }
}

/** Reads a delegate's own agent token: a wrong one would only be refused far away, and less clearly. */
async function checkAgentToken(token: string, context: SigningContext): Promise<void> {
  const jws = decodeJws(token);
  const refuse = (what: string): never => {
    throw new AAuthError('configuration_invalid', `The agent token ${what}.`);
  };
  if (typeof jws === 'string' || jws.header.typ !== TOKEN_TYPES.agent) {
    return refuse('is not one: agentToken must return a JWT of type agent+jwt');
  }
  if (jws.payload['iss'] !== context.id) refuse('was not issued by the agent id');
  if ((await confirmationThumbprint(jws.payload['cnf'])) !== context.keys.current.thumbprint) {
    refuse('is bound to another key than keys.current');
  }
}
