import { ALGORITHM_NAMES } from '@countersign/httpsig';
import { authServerDocument, JWKS_PATH } from '@countersign/protocol';
import type { ServerContext } from '../context.js';
import { AGENT_AUTH_PATH } from '../pages/index.js';
import { SUPPORTED_REQUEST_TYPES } from './token-endpoint/token-endpoint.js';

export const AGENT_TOKEN_PATH = '/agent/token';

/** The `/.well-known/aauth-issuer` document (PROTOCOL section 6). */
export function issuerDocument({ issuer }: ServerContext): object {
  return authServerDocument({
    issuer,
    jwksUri: `${issuer}${JWKS_PATH}`,
    tokenEndpoint: `${issuer}${AGENT_TOKEN_PATH}`,
    authEndpoint: `${issuer}${AGENT_AUTH_PATH}`,
    signingAlgorithms: ALGORITHM_NAMES,
    requestTypes: SUPPORTED_REQUEST_TYPES,
  });
}
