import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { decide } from './support/person.js';
import { start, urlToApprove } from './support/program.js';
import { freePort, serveAuthServer, serveResource } from './support/servers.js';

const linesOf = (stderr: string) =>
  stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('an auth server that is watched', () => {
  it('logs lines of JSON, with the id of each answer, through a whole flow', async () => {
    const authServer = await serveAuthServer(['--log', 'json', '--log-level', 'debug']);
    const resource = await serveResource(authServer.url, ['--log', 'json']);
    const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser', '-v']);
    await decide(await urlToApprove(program));
    expect((await program.ended).code).toBe(0);
    const refused = await fetch(`${authServer.url}/agent/token?code=in-the-address`, {
      method: 'POST',
      headers: { 'x-request-id': 'of-a-stranger' },
    });
    const requestId = refused.headers.get('x-request-id');
    const { stderr } = await authServer.stop();
    const lines = linesOf(stderr);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'request', requestId, endpoint: 'token', status: 401 }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'refused', requestId }));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'token-issued', kind: 'code' }));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'storage-operation' }));
    expect(stderr).not.toMatch(/of-a-stranger|in-the-address|testpass|request_token=/);
    const other = linesOf((await resource.stop()).stderr);
    expect(other).toContainEqual(
      expect.objectContaining({ msg: 'request', path: '/data-auth', status: 200 }),
    );
  });

  it('takes over the request id of a proxy that is trusted', async () => {
    const authServer = await serveAuthServer(['--log', 'json', '--trusted-proxy', '127.0.0.1']);
    const answer = await fetch(`${authServer.url}/agent/token`, {
      method: 'POST',
      headers: { 'x-request-id': 'of-our-proxy' },
    });
    expect(answer.headers.get('x-request-id')).toBe('of-our-proxy');
    expect(linesOf((await authServer.stop()).stderr)).toContainEqual(
      expect.objectContaining({ msg: 'request', requestId: 'of-our-proxy' }),
    );
  });

  it('serves health and metrics on a port of their own, and says that it drains', async () => {
    const port = await freePort();
    const authServer = await serveAuthServer(['--management-port', String(port)]);
    const management = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${management}/readyz`)).json()).toEqual({ status: 'ready' });
    expect((await fetch(`${management}/healthz`)).status).toBe(200);
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await fetch(`${authServer.url}${path}`)).status).toBe(404);
    }
    const text = await (await fetch(`${management}/metrics`)).text();
    expect(text).toMatch(/^countersign_requests_total\{endpoint="other".*outcome="refused"\} 3$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    // A request that is under way keeps the server up, so that it can be asked while it drains.
    const socket = connect(Number(new URL(authServer.url).port), '127.0.0.1');
    const { host } = new URL(authServer.url);
    socket.write(
      `POST /agent/token HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once('data', resolve));
    authServer.kill('SIGTERM');
    await authServer.see(/Stopping/);
    const draining = await fetch(`${management}/readyz`);
    expect(draining.status).toBe(503);
    expect(await draining.json()).toEqual({ status: 'unavailable', reason: 'draining' });
    socket.resume().write('a=b');
    expect(await authServer.ended).toMatchObject({ code: 0 });
    await expect(fetch(`${management}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('says which option is wrong when the management port is taken', async () => {
    const first = await serveAuthServer();
    const { port } = new URL(first.url);
    await expect(serveAuthServer(['--management-port', port])).rejects.toThrow(
      /Port \d+ on 127\.0\.0\.1 is in use: .*--management-port/,
    );
  });
});
