import { randomBytes, type JsonWebKey } from 'node:crypto';
import { html, json, type PeerServer, type Received, type Reply, serve } from './http.js';
import { checkToken, inSeconds, makeKey, makeToken, readToken, thumbprint } from './keys.js';
import { type PeerWire, publishedKey, type Signer, verifyRequest } from './signatures.js';

interface Pending {
  readonly agent: string;
  readonly resource: string;
  readonly scope: string;
  readonly redirectUri: string;
}

const secret = (): string => randomBytes(32).toString('base64url');
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
const wrong = (error: string): Reply => json({ error, error_description: 'refused' }, 400);

/** An auth server as the captured run's: no state, no iss, only the metadata it must have. `testuser` / `testpass`. */
export async function startPeerAuthServer(wire: PeerWire): Promise<PeerServer> {
  const key = makeKey('auth-key-1');
  const pending = new Map<string, Pending>();
  const codes = new Map<string, Pending>();
  const sessions = new Set<string>();

  const token = async (received: Received): Promise<Reply> => {
    let signer: Signer;
    try {
      signer = await verifyRequest(wire, received);
    } catch (error) {
      return json({ error: 'invalid_signature', error_description: String(error) }, 401);
    }
    const form = new URLSearchParams(received.body);
    if (form.get('request_type') === 'auth') return await ask(signer, form);
    if (form.get('request_type') === 'code') return redeem(signer, form);
    return wrong('unsupported_request_type');
  };

  const ask = async (signer: Signer, form: URLSearchParams): Promise<Reply> => {
    const resourceToken = form.get('resource_token') ?? '';
    const { header, payload } = readToken(resourceToken);
    const resource = String(payload['iss']);
    const resourceKey = await publishedKey(resource, 'aauth-resource', String(header['kid']));
    const claims = checkToken(resourceToken, 'resource+jwt', resourceKey);
    const own =
      claims['aud'] === server.url &&
      claims['agent'] === signer.agent &&
      claims['agent_jkt'] === thumbprint(signer.jwk);
    if (!own) return wrong('invalid_resource_token');
    const requestToken = secret();
    pending.set(requestToken, {
      agent: signer.agent,
      resource,
      scope: String(claims['scope']),
      redirectUri: form.get('redirect_uri') ?? '',
    });
    return json({ request_token: requestToken, expires_in: 600 });
  };

  const redeem = ({ agent, jwk }: Signer, form: URLSearchParams): Reply => {
    const code = form.get('code') ?? '';
    const granted = codes.get(code);
    if (granted?.agent !== agent || granted.redirectUri !== form.get('redirect_uri')) {
      return wrong('invalid_grant');
    }
    codes.delete(code);
    const authToken = makeToken('auth+jwt', key, {
      iss: server.url,
      aud: granted.resource,
      // All that the agent published goes in, as a server does that does not look.
      cnf: { jwk: jwk satisfies JsonWebKey },
      scope: granted.scope,
      exp: inSeconds(3600),
      agent,
      sub: 'testuser',
    });
    return json({ auth_token: authToken, expires_in: 3600, token_type: 'Bearer' });
  };

  const page = (received: Received): Reply => {
    const posted = new URLSearchParams(received.body);
    const query = received.method === 'POST' ? posted : new URLSearchParams(received.query);
    const requestToken = query.get('request_token') ?? '';
    const asked = pending.get(requestToken);
    if (asked === undefined) return { ...html('<p>Unknown request</p>'), status: 400 };
    const signedIn = sessions.has(/session=([^;]*)/.exec(received.headers.cookie ?? '')?.[1] ?? '');
    if (received.method === 'GET')
      return html(signedIn ? consent(requestToken, asked) : login(requestToken, asked));
    if (!signedIn) {
      if (posted.get('username') !== 'testuser' || posted.get('password') !== 'testpass') {
        return html(login(requestToken, asked));
      }
      const session = secret();
      sessions.add(session);
      return {
        status: 303,
        headers: {
          location: `/agent/auth?request_token=${requestToken}&redirect_uri=${asked.redirectUri}`,
          'set-cookie': `session=${session}; HttpOnly; Path=/`,
        },
      };
    }
    pending.delete(requestToken);
    if (posted.get('action') !== 'grant') {
      const location = `${asked.redirectUri}?error=access_denied&error_description=denied`;
      return { status: 303, headers: { location } };
    }
    const code = secret();
    codes.set(code, asked);
    return { status: 303, headers: { location: `${asked.redirectUri}?code=${code}` } };
  };

  const server: PeerServer = await serve((received) => {
    switch (received.path) {
      case '/.well-known/aauth-issuer':
        return json({
          issuer: server.url,
          jwks_uri: `${server.url}/jwks.json`,
          agent_token_endpoint: `${server.url}/agent/token`,
          agent_auth_endpoint: `${server.url}/agent/auth`,
        });
      case '/jwks.json':
        return json({ keys: [key.jwk] });
      case '/agent/token':
        return token(received);
      case '/agent/auth':
        return page(received);
      default:
        return json({ detail: 'Not Found' }, 404);
    }
  });
  return server;
}

function hidden(requestToken: string, { redirectUri }: Pending): string {
  return (
    `<input type="hidden" name="request_token" value="${escape(requestToken)}">` +
    `<input type="hidden" name="redirect_uri" value="${escape(redirectUri)}">`
  );
}

function login(requestToken: string, asked: Pending): string {
  return (
    `<h1>Login</h1><form method="post" action="/agent/auth">${hidden(requestToken, asked)}` +
    '<input type="text" name="username"><input type="password" name="password">' +
    '<button type="submit" name="action" value="login">Login</button></form>'
  );
}

function consent(requestToken: string, asked: Pending): string {
  return (
    `<h1>Grant access?</h1><p>${escape(asked.agent)} asks for ${escape(asked.scope)}.</p>` +
    `<form method="post" action="/agent/auth">${hidden(requestToken, asked)}` +
    '<button type="submit" name="action" value="grant">Grant</button>' +
    '<button type="submit" name="action" value="deny">Deny</button></form>'
  );
}
