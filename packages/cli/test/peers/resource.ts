import { json, type PeerServer, type Received, type Reply, serve } from './http.js';
import { inSeconds, makeKey, makeToken, thumbprint } from './keys.js';
import { type PeerWire, verifyRequest } from './signatures.js';

const SCOPE = 'data.read data.write';

/** A resource as the captured run's, with `/data-auth` for `data.read data.write`. */
export async function startPeerResource(wire: PeerWire, authServer: string): Promise<PeerServer> {
  const key = makeKey('resource-key-1');

  const dataAuth = async (received: Received): Promise<Reply> => {
    let signer;
    try {
      signer = await verifyRequest(wire, received);
    } catch (error) {
      return json({ error: 'invalid_signature', error_description: String(error) }, 401);
    }
    const { agent, jwk, token } = signer;
    if (token === undefined) {
      const resourceToken = makeToken('resource+jwt', key, {
        iss: server.url,
        aud: authServer,
        agent,
        agent_jkt: thumbprint(jwk),
        scope: SCOPE,
        exp: inSeconds(600),
      });
      return {
        status: 401,
        headers: {
          'agent-auth': `httpsig; auth-token; resource_token="${resourceToken}"; auth_server="${authServer}"`,
        },
        body: 'Authorization required',
      };
    }
    if (token['iss'] !== authServer || token['aud'] !== server.url || token['scope'] !== SCOPE) {
      return json({ error: 'invalid_token' }, 401);
    }
    return json({
      message: 'Access granted',
      scheme: 'jwt',
      token_type: 'auth+jwt',
      method: received.method,
      agent,
      agent_delegate: null,
      scope: token['scope'],
    });
  };

  const server: PeerServer = await serve((received) => {
    switch (received.path) {
      case '/.well-known/aauth-resource':
        return json({
          resource: server.url,
          jwks_uri: `${server.url}/jwks.json`,
          resource_token_endpoint: `${server.url}/resource/token`,
        });
      case '/jwks.json':
        return json({ keys: [key.jwk] });
      case '/data-auth':
        return dataAuth(received);
      default:
        return json({ detail: 'Not Found' }, 404);
    }
  });
  return server;
}
