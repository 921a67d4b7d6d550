import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PeerAgent, startPeerAgent } from './peers/agent.js';
import { json, type PeerServer, serve } from './peers/http.js';
import { Browser } from './support/person.js';
import { runHere } from './support/here.js';
import { run, type Running, start } from './support/program.js';
import { freePort, newFile, ready } from './support/servers.js';

/** Starts a server with variables and nothing else. */
async function serveWith(
  kind: string,
  wellKnown: string,
  variables: Readonly<Record<string, string>>,
): Promise<Running & { url: string }> {
  const port = await freePort();
  const env = { COUNTERSIGN_PORT: `${port}`, COUNTERSIGN_INSECURE_LOOPBACK: 'true', ...variables };
  const server = start(['serve', kind], { env });
  const url = `http://127.0.0.1:${port}`;
  await ready(`${url}/.well-known/${wellKnown}`, server);
  return { ...server, url };
}

describe('a server whose settings are variables', () => {
  let authServer: Running & { url: string };
  let resource: Running & { url: string };
  let agent: PeerAgent;

  beforeAll(async () => {
    const users = newFile('users');
    writeFileSync(users, 'ann:a pass, with: signs\nbob:another\n');
    authServer = await serveWith('auth-server', 'aauth-issuer', {
      COUNTERSIGN_DATABASE: `sqlite:${newFile('variables.db')}`,
      COUNTERSIGN_USER_FILE: users,
      COUNTERSIGN_ACCEPT_WIRE: '2026-02, 2026-01',
      COUNTERSIGN_SAME_ORIGIN_REDIRECTS: '1',
      COUNTERSIGN_TRUSTED_PROXY: '10.0.0.0/8 192.168.0.0/16,::1',
      COUNTERSIGN_TRACE: 'false',
      COUNTERSIGN_CONSENT: 'always',
      COUNTERSIGN_HOST: '',
    });
    resource = await serveWith('resource', 'aauth-resource', {
      COUNTERSIGN_AUTH_SERVER: `${authServer.url}\nhttps://other.example`,
      COUNTERSIGN_SCOPE: 'mail.read',
      COUNTERSIGN_KEYS: newFile('keys.json'),
      COUNTERSIGN_REPLAY: newFile('replay.db'),
      COUNTERSIGN_ACCEPT_WIRE: '2026-01',
    });
    agent = await startPeerAgent('2026-01');
  });
  afterAll(() => agent.close());

  it.each([
    ['ann', 'a pass, with: signs'],
    ['bob', 'another'],
  ])('knows all of them: %s signs in and approves', async (username, password) => {
    const answer = await agent.get(`${resource.url}/data-auth`, async (url) => {
      const browser = new Browser();
      const page = await browser.open(url);
      const consent = await browser.submit(page, { username, password, action: 'sign-in' });
      expect(consent.html).toContain('mail.read');
      await browser.submit(consent, { action: 'approve' });
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ scope: 'mail.read' });
    expect(authServer.stderr()).not.toContain('--trace');
  });
});

describe('a variable', () => {
  it.concurrent.each([
    ['COUNTERSIGN_CONSENT', 'so', 'COUNTERSIGN_CONSENT is "so": it takes always or never.'],
    ['COUNTERSIGN_TRACE', 'so', 'COUNTERSIGN_TRACE is "so": it takes true or false.'],
    ['COUNTERSIGN_ACCEPT_WIRE', '2026-02 so', '"so": it takes rfc9421, 2026-02, 2026-01.'],
    ['COUNTERSIGN_USER_FILE', '/none', 'COUNTERSIGN_USER_FILE names /none, which cannot be read.'],
  ])('%s that cannot be used is named: exit code 2', async (name, value, why) => {
    const { code, stdout, stderr } = await runHere(['serve', 'auth-server'], {
      env: { [name]: value },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
  });

  it('gives way to the command line and works for every command', async () => {
    const echo: PeerServer = await serve(({ method, headers, body }) =>
      json({ method, headers, body }),
    );
    const env = {
      COUNTERSIGN_SCHEME: 'hwk',
      COUNTERSIGN_REQUEST: 'PATCH',
      COUNTERSIGN_HEADER: 'X-One: 1, 2\nX-Two: 2',
      COUNTERSIGN_DATA: 'a=1',
      COUNTERSIGN_NO_BROWSER: 'true',
    };
    const [all, some] = await Promise.all([
      run(['fetch', echo.url], { env }),
      runHere(['fetch', echo.url, '-X', 'PUT', '-H', 'X-Three: 3'], { env }),
    ]);
    await echo.close();
    expect(JSON.parse(all.stdout)).toMatchObject({
      method: 'PATCH',
      body: 'a=1',
      headers: { 'x-one': '1, 2', 'x-two': '2' },
    });
    const { method, headers } = JSON.parse(some.stdout);
    expect(method).toBe('PUT');
    expect(headers).toMatchObject({ 'x-three': '3' });
    expect(headers).not.toHaveProperty('x-one');
  });
});
