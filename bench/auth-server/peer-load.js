/** A client of `oidc-provider`, as honest as ours: it signs an assertion and a DPoP proof for every token. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DemoBrowser } from '../../packages/cli/dist/demo/browser.js';
import { freePort } from '../../scripts/free-port.js';
import { send } from './connections.js';

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(key, header, payload) {
  const text = `${encoded({ alg: 'EdDSA', ...header })}.${encoded(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

export async function startPeer() {
  const client = generateKeyPairSync('ed25519');
  const server = generateKeyPairSync('ed25519');
  const clientJwk = { ...client.publicKey.export({ format: 'jwk' }), kid: 'c', alg: 'EdDSA' };
  const signingJwk = { ...server.privateKey.export({ format: 'jwk' }), kid: 's', alg: 'EdDSA' };
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const redirectUri = 'http://127.0.0.1:1/callback';
  const settings = JSON.stringify({ port, clientJwk, signingJwk, redirectUri });
  const child = fork(fileURLToPath(new URL('./peer-server.js', import.meta.url)), [settings], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  await once(child, 'message');

  const token = async (parameters) => {
    const now = Math.floor(Date.now() / 1000);
    const assertion = jwt(
      client.privateKey,
      { kid: 'c' },
      { iss: 'client', sub: 'client', aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 },
    );
    const { kid: _kid, alg: _alg, ...jwk } = clientJwk;
    const proof = jwt(
      client.privateKey,
      { typ: 'dpop+jwt', jwk },
      { htm: 'POST', htu: `${issuer}/token`, jti: randomUUID(), iat: now },
    );
    const body = new URLSearchParams({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      ...parameters,
    }).toString();
    const headers = [
      ['Content-Type', 'application/x-www-form-urlencoded'],
      ['DPoP', proof],
    ];
    const answer = await send(port, 'POST', '/token', headers, body);
    if (answer.status !== 200)
      throw new Error(`the peer answered ${answer.status}: ${answer.text}`);
    return JSON.parse(answer.text);
  };

  return {
    pid: child.pid,
    direct: () => token({ grant_type: 'client_credentials', scope: 'data.read' }),
    /** One whole flow of a person who is signed in and consents each time. */
    flows: (username) => {
      const transport = async (url, { method = 'GET', headers, body } = {}) => {
        if (url.origin !== issuer) return new Response('', { status: 200 });
        const lines = Object.entries(headers);
        if (body !== undefined) lines.push(['Content-Type', 'application/x-www-form-urlencoded']);
        // What the peer's sign-in page calls the name.
        if (body?.has('username') === true) body.set('login', username);
        const { pathname, search } = url;
        return await asResponse(send(port, method, pathname + search, lines, body?.toString()));
      };
      const browser = new DemoBrowser({ username, password: 'x' }, transport);
      return async () => {
        const query = new URLSearchParams({
          client_id: 'client',
          response_type: 'code',
          redirect_uri: redirectUri,
          scope: 'openid data.read',
          prompt: 'consent',
          state: randomUUID(),
        });
        const page = await browser.visit(`${issuer}/auth?${query}`);
        const code = page.url.searchParams.get('code');
        if (code === null) throw new Error(`the peer ended at ${page.url} with ${page.status}`);
        await token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri });
      };
    },
    stop: () => child.kill('SIGKILL'),
  };
}

export async function asResponse(answering) {
  const answer = await answering;
  const response = new Response(answer.status === 204 ? null : answer.text, {
    status: answer.status,
  });
  for (const [name, values] of Object.entries(answer.headers)) {
    for (const value of values) response.headers.append(name, value);
  }
  return response;
}
