/** A client of `oidc-provider`, as honest as ours: it signs an assertion and a DPoP proof for every token. */
import { generatePrivateJwk } from '@countersign/httpsig';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/free-port.js';
import { now } from '../../scripts/check-kill/parties.js';
import { HttpClient } from '../http-client.js';
import { BenchBrowser } from './browser.js';
import { claimsOf, encoded, signerOf, unique } from './ed25519.js';

const ASSERTION_TYPE = encodeURIComponent('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
const REDIRECT_URI = 'http://127.0.0.1:1/callback';
const SCOPE = 'data.read';

async function startServer(client) {
  const port = await freePort();
  const { d: _private, ...clientJwk } = client;
  const signing = await generatePrivateJwk({ kid: 's' });
  const settings = JSON.stringify({
    port,
    clientJwk: { ...clientJwk, alg: 'EdDSA' },
    signingJwk: { ...signing, alg: 'EdDSA' },
    redirectUri: REDIRECT_URI,
  });
  const child = fork(fileURLToPath(new URL('./peer-server.js', import.meta.url)), [settings], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  await once(child, 'message');
  return { child, port };
}

/** Writes a whole request to the token endpoint. */
function tokenRequests(client, issuer) {
  const sign = signerOf(client);
  const jwt = (header, claims) => {
    const text = `${header}.${encoded(claims)}`;
    return `${text}.${sign(text, 'base64url')}`;
  };
  const { kty, crv, x } = client;
  const assertionHeader = encoded({ alg: 'EdDSA', kid: 'c' });
  const proofHeader = encoded({ alg: 'EdDSA', typ: 'dpop+jwt', jwk: { kty, crv, x } });
  const party = { iss: 'client', sub: 'client', aud: issuer };
  const call = { htm: 'POST', htu: `${issuer}/token` };
  const head =
    `POST /token HTTP/1.1\r\nHost: ${new URL(issuer).host}\r\n` +
    'Content-Type: application/x-www-form-urlencoded\r\n';
  return (parameters) => {
    const iat = now();
    const assertion = jwt(assertionHeader, { ...party, jti: unique(), iat, exp: iat + 60 });
    const proof = jwt(proofHeader, { ...call, jti: unique(), iat });
    const body = `client_assertion_type=${ASSERTION_TYPE}&client_assertion=${assertion}&${parameters}`;
    return `${head}DPoP: ${proof}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
}

export async function startPeer() {
  const client = await generatePrivateJwk({ kid: 'c' });
  const { child, port } = await startServer(client);
  const issuer = `http://127.0.0.1:${port}`;
  const http = new HttpClient(port);
  const send = (request) => http.send(request);
  const request = tokenRequests(client, issuer);
  const token = async (parameters, subject) => {
    const answer = await send(request(parameters));
    if (answer.status !== 200) {
      throw new Error(`the peer answered ${answer.status}: ${answer.body}`);
    }
    const claims = claimsOf(JSON.parse(answer.body).access_token);
    if (claims.sub !== subject || claims.client_id !== 'client') throw new Error('mixed up');
  };
  const redirect = encodeURIComponent(REDIRECT_URI);

  return {
    pid: child.pid,
    direct: () => token(`grant_type=client_credentials&scope=${SCOPE}`, 'client'),
    /** One whole flow of a person who is signed in and consents each time. */
    flows: (username) => {
      const browser = new BenchBrowser(issuer, { login: username, password: 'x' }, send);
      return async () => {
        const state = unique();
        const end = await browser.visit(
          `/auth?client_id=client&response_type=code&redirect_uri=${redirect}` +
            `&scope=openid%20${SCOPE}&prompt=consent&state=${state}`,
        );
        const code = end.searchParams.get('code');
        if (!end.href.startsWith(REDIRECT_URI) || code === null) {
          throw new Error(`at the peer a person ended at ${end}`);
        }
        if (end.searchParams.get('state') !== state) throw new Error('mixed up');
        await token(
          `grant_type=authorization_code&code=${code}&redirect_uri=${redirect}`,
          username,
        );
      };
    },
    stop: () => {
      http.close();
      child.kill('SIGKILL');
    },
  };
}
