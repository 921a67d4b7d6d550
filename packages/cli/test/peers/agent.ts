import { type Answer, getJson, html, json, type PeerServer, send, serve } from './http.js';
import { makeKey } from './keys.js';
import { type PeerWire, signedHeaders } from './signatures.js';

/** An agent as the captured run's: no redirect_uris, no state, a form that is not percent-encoded. */
export interface PeerAgent extends PeerServer {
  /** GETs a resource and does what is asked; a person is sent to the URL that `sendPerson` is given. */
  get(url: string, sendPerson: (url: string) => Promise<void>): Promise<Answer>;
  /** One signed request, whatever the answer. */
  request(method: string, url: string, form?: string): Promise<Answer>;
}

export async function startPeerAgent(wire: PeerWire): Promise<PeerAgent> {
  const key = makeKey('key-1');
  let takeCode: (code: string) => void = () => undefined;
  const server: PeerServer = await serve(({ path, query }) => {
    switch (path) {
      case '/.well-known/aauth-agent':
        return json({ agent: server.url, jwks_uri: `${server.url}/jwks.json` });
      case '/jwks.json':
        return json({ keys: [key.jwk] });
      case '/callback':
        takeCode(/\bcode=([^&]*)/.exec(query ?? '')?.[1] ?? '');
        return html('<p>You may close this window.</p>');
      default:
        return json({ detail: 'Not Found' }, 404);
    }
  });
  const identity = `(scheme=jwks id="${server.url}" kid="${key.kid}" well-known="aauth-agent")`;
  const redirectUri = `${server.url}/callback`;

  const request = (method: string, url: string, form?: string, signatureKey = identity) => {
    const headers = signedHeaders(wire, key, signatureKey, {
      method,
      url,
      ...(form === undefined ? {} : { form }),
    });
    return send(method, url, headers, form);
  };

  const get: PeerAgent['get'] = async (url, sendPerson) => {
    const challenged = await request('GET', url);
    const challenge = String(challenged.headers['agent-auth'] ?? '');
    const resourceToken = /resource_token="([^"]+)"/.exec(challenge)?.[1];
    const authServer = /auth_server="([^"]+)"/.exec(challenge)?.[1];
    if (resourceToken === undefined || authServer === undefined) return challenged;
    const metadata = await getJson(`${authServer}/.well-known/aauth-issuer`);
    const tokenEndpoint = String(metadata['agent_token_endpoint']);
    const asked = await request(
      'POST',
      tokenEndpoint,
      `request_type=auth&resource_token=${resourceToken}&redirect_uri=${redirectUri}`,
    );
    if (asked.status !== 200) return asked;
    const { request_token } = JSON.parse(asked.text) as { request_token: string };
    const code = new Promise<string>((resolve) => (takeCode = resolve));
    await sendPerson(
      `${String(metadata['agent_auth_endpoint'])}?request_token=${request_token}&redirect_uri=${redirectUri}`,
    );
    const redeemed = await request(
      'POST',
      tokenEndpoint,
      `request_type=code&code=${await code}&redirect_uri=${redirectUri}`,
    );
    if (redeemed.status !== 200) return redeemed;
    const { auth_token } = JSON.parse(redeemed.text) as { auth_token: string };
    return await request('GET', url, undefined, `(scheme=jwt jwt="${auth_token}")`);
  };
  return { ...server, get, request };
}
