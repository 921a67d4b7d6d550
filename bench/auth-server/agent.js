/**
 * An agent and a resource that sign what ours do, with a fraction of the processor time: what is the same in every request
 * is written once. They are right as long as the server accepts them.
 */
import { generatePrivateJwk } from '@countersign/httpsig';
import { loadKeySet } from '@countersign/protocol';
import { hash } from 'node:crypto';
import { now, publish } from '../../scripts/check-kill/parties.js';
import { encoded, signerOf, unique } from './ed25519.js';

const LIFETIME_SECONDS = 300;
const COVERED =
  '("@method" "@authority" "@path" "content-type" "content-digest" "nonce" "signature-key")';
const FORM = 'application/x-www-form-urlencoded';

async function newKey(kid) {
  const jwk = await generatePrivateJwk({ kid });
  const { jwks, current } = await loadKeySet({ keys: [jwk] });
  return { jwks, thumbprint: current.thumbprint, sign: signerOf(jwk) };
}

export async function startBenchResource() {
  const documents = {};
  const { server, id } = await publish(documents);
  const { jwks, sign } = await newKey('resource-1');
  documents['/.well-known/aauth-resource'] = { resource: id, jwks_uri: `${id}/jwks.json` };
  documents['/jwks.json'] = jwks;
  return { id, sign, stop: () => server.close() };
}

export async function startBenchAgent(issuer, resource) {
  const documents = {};
  const { server, id } = await publish(documents);
  const { jwks, thumbprint, sign } = await newKey('agent-1');
  const redirectUri = `${id}/callback`;
  documents['/.well-known/aauth-agent'] = {
    agent: id,
    jwks_uri: `${id}/jwks.json`,
    redirect_uris: [redirectUri],
  };
  documents['/jwks.json'] = jwks;
  return {
    id,
    redirectUri,
    stop: () => server.close(),
    resourceToken: resourceTokens(resource, {
      iss: resource.id,
      aud: issuer,
      agent: id,
      agent_jkt: thumbprint,
      scope: 'data.read',
    }),
    request: tokenRequests(new URL(issuer).host, id, sign),
  };
}

/** Makes a new token of the resource for the agent. */
function resourceTokens(resource, claims) {
  const header = encoded({ alg: 'EdDSA', kid: 'resource-1', typ: 'resource+jwt' });
  return () => {
    const iat = now();
    const payload = encoded({ ...claims, exp: iat + LIFETIME_SECONDS, iat, jti: unique() });
    const text = `${header}.${payload}`;
    return `${text}.${resource.sign(text, 'base64url')}`;
  };
}

/** Writes a whole signed request to the token endpoint (RFC 9421). */
function tokenRequests(authority, id, sign) {
  const key = `sig1=(scheme=jwks id="${id}" kid="agent-1" well-known="aauth-agent")`;
  const start =
    `"@method": POST\n"@authority": ${authority}\n"@path": /agent/token\n` +
    `"content-type": ${FORM}\n"content-digest": `;
  const head =
    `POST /agent/token HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: ${FORM}\r\n` +
    `Signature-Key: ${key}\r\n`;
  return (body) => {
    const digest = `sha-256=:${hash('sha256', body, 'base64')}:`;
    const nonce = unique();
    const parameters = `${COVERED};created=${now()}`;
    const base =
      `${start}${digest}\n"nonce": ${nonce}\n"signature-key": ${key}\n` +
      `"@signature-params": ${parameters}`;
    return (
      `${head}Nonce: ${nonce}\r\nContent-Digest: ${digest}\r\nSignature-Input: sig1=${parameters}\r\n` +
      `Signature: sig1=:${sign(base, 'base64')}:\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    );
  };
}
