/** Agents and a resource over loopback HTTP, as far as an auth server asks them for anything. */
import { generatePrivateJwk, signMessage } from '@countersign/httpsig';
import {
  issueResourceToken,
  loadKeySet,
  randomSecret,
  signingProfile,
  systemRandom,
} from '@countersign/protocol';
import { createServer } from 'node:http';

export const now = () => Math.floor(Date.now() / 1000);
const keySet = async (kid) => await loadKeySet({ keys: [await generatePrivateJwk({ kid })] });

/** Serves JSON documents by path, which may be added later. */
export async function publish(documents) {
  const server = createServer((request, response) => {
    const document = documents[request.url];
    response.statusCode = document === undefined ? 404 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, id: `http://127.0.0.1:${server.address().port}` };
}

export async function startResource() {
  const documents = {};
  const { server, id } = await publish(documents);
  const keys = await keySet('resource-1');
  documents['/.well-known/aauth-resource'] = { resource: id, jwks_uri: `${id}/jwks.json` };
  documents['/jwks.json'] = keys.jwks;
  return { id, keys, stop: () => server.close() };
}

/** An agent that signs requests to the token endpoint of `issuer`. */
export async function startAgent(issuer, resource) {
  const documents = {};
  const { server, id } = await publish(documents);
  const keys = await keySet('agent-1');
  const redirectUri = `${id}/callback`;
  documents['/.well-known/aauth-agent'] = {
    agent: id,
    jwks_uri: `${id}/jwks.json`,
    redirect_uris: [redirectUri],
  };
  documents['/jwks.json'] = keys.jwks;
  const key = keys.current;
  const authority = new URL(issuer).host;
  return {
    id,
    redirectUri,
    stop: () => server.close(),
    resourceToken: () =>
      issueResourceToken(resource.keys.current, {
        resource: resource.id,
        authServer: issuer,
        agent: id,
        agentThumbprint: key.thumbprint,
        scope: ['data.read'],
        now: now(),
        tokenId: randomSecret(systemRandom, 128),
      }),
    /** A signed request, which may be sent more than once. */
    sign: async (form) => {
      const body = new TextEncoder().encode(new URLSearchParams(form).toString());
      const headers = [
        ['Host', authority],
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Nonce', randomSecret(systemRandom, 128)],
      ];
      const message = { method: 'POST', target: '/agent/token', headers, body };
      const signatureKey = {
        scheme: 'jwks',
        mode: 'identifier',
        id,
        kid: key.publicJwk.kid,
        wellKnown: 'aauth-agent',
      };
      const created = now();
      const options = { profile: signingProfile, key, signatureKey, authority, created };
      const signed = await signMessage(message, options);
      return { body, headers: [...headers, ...signed], created };
    },
  };
}
