import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { decide } from './support/person.js';
import { type Result, start, urlToApprove } from './support/program.js';
import { type Served, serveAuthServer, serveResource } from './support/servers.js';

/** Everything secret that went over the wire in a run of `fetch -v`, read from its own trace. */
function secretsOf(stderr: string): string[] {
  const members = /"(?:request_token|auth_token|refresh_token)":"([^"]+)"/g;
  const parameters = /\b(?:code|resource_token|state)=([\w.-]+)/g;
  return [...stderr.matchAll(members), ...stderr.matchAll(parameters)].map(([, secret]) => secret!);
}

async function fetchWithPerson(resource: Served): Promise<Result> {
  const program = start(['fetch', `${resource.url}/data-auth?secret=query`, '--no-browser', '-v']);
  await decide(await urlToApprove(program));
  return await program.ended;
}

describe('serve', () => {
  let authServer: Served;
  let resource: Served;
  beforeAll(async () => {
    authServer = await serveAuthServer();
    resource = await serveResource(authServer.url);
  });

  it('says who listens where once the well-known document answers, on standard error', () => {
    expect(authServer.stderr()).toContain(
      `Auth server ${authServer.url} is listening on ${authServer.url}\n`,
    );
    expect(authServer.stderr()).toContain('WARNING: --user is for development');
    const [line] = resource.stderr().split('\n', 1);
    expect(line).toBe(`Resource ${resource.url} is listening on ${resource.url}`);
  });

  it('writes access lines with the path and no query, and no token, code or password', async () => {
    const { code, stderr } = await fetchWithPerson(resource);
    expect(code).toBe(0);
    const secrets = secretsOf(stderr);
    expect(secrets.length).toBeGreaterThan(6);
    const log = authServer.stderr() + resource.stderr();
    expect(log).toMatch(/^INFO: {5}127\.0\.0\.1:\d+ - "GET \/data-auth HTTP\/1\.1" 200 OK$/m);
    expect(log).toMatch(/"POST \/agent\/auth HTTP\/1\.1" 303 See Other$/m);
    for (const secret of [...secrets, 'testpass', 'secret=query'])
      expect(log).not.toContain(secret);
    expect(authServer.stdout() + resource.stdout()).toBe('');
  });

  it('writes short lines whatever a stranger sends', async () => {
    await fetch(`${resource.url}/${'long'.repeat(1000)}`);
    const [line] = await resource.see(/^INFO: .*GET \/longlong.*$/m);
    expect(line).toMatch(/\.{3} HTTP\/1\.1" 404 Not Found$/);
    expect(line.length).toBeLessThan(620);
  });

  it('says why a request was refused', async () => {
    await fetch(`${resource.url}/data`, { headers: { 'signature-key': 'x', signature: 'x' } });
    await resource.see(/^REFUSED: .*\binvalid_signature \(\w+.*\)$/m);
  });

  it('warns of --trace, and then shows what it receives and answers', async () => {
    const traced = await serveResource(authServer.url, ['--trace']);
    expect(traced.stderr()).toContain('WARNING: --trace writes tokens');
    const { code, stderr } = await fetchWithPerson(traced);
    expect(code).toBe(0);
    const token = /"auth_token":"([^"]+)"/.exec(stderr)![1]!;
    const log = traced.stderr();
    expect(log).toContain('\n>>> RESOURCE REQUEST received\n');
    expect(log).toContain('\n<<< RESOURCE RESPONSE\n');
    expect(log).toContain(`signature-key: sig1=(scheme=jwt jwt="${token.slice(0, 60)}`);
    expect((await traced.stop()).code).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'answers what is in flight when %s comes, takes nothing new, and exits 0',
    async (signal) => {
      const server = signal === 'SIGINT' ? resource : authServer;
      const path = signal === 'SIGINT' ? '/aauth/resource-token' : '/agent/token';
      const idle = await dial(server);
      const socket = await dial(server);
      const { host } = new URL(server.url);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
      );
      await new Promise((resolve) => socket.once('data', resolve));
      const begun = Date.now();
      server.kill(signal);
      await server.see(/Stopping: finishing the requests in flight\./);
      await expect(fetch(`${server.url}/jwks.json`)).rejects.toThrow('fetch failed');
      let answer = '';
      socket.on('data', (chunk) => (answer += String(chunk)));
      socket.write('a=b');
      await ended(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      expect(await server.ended).toMatchObject({ code: 0, stdout: '' });
      expect(Date.now() - begun).toBeLessThan(4_000);
      expect(server.stderr()).toContain(`"POST ${path} HTTP/1.1" 401 Unauthorized`);
      idle.destroy();
    },
  );
});

async function dial({ url }: Served): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

async function ended(socket: Socket): Promise<void> {
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}
