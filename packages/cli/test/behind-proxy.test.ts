import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Running, start } from './support/program.js';
import { freePort, newFile } from './support/servers.js';

/** As behind a proxy: the server is asked on loopback for a host that is not this machine's. */
const ISSUER = 'https://auth.example';
const METADATA = '/.well-known/aauth-issuer';
let port: number;
let server: Running;

beforeAll(async () => {
  port = await freePort();
  server = start(
    `serve auth-server --preset production --issuer ${ISSUER} --port ${port} --trusted-proxy 127.0.0.1`.split(
      ' ',
    ),
    { env: { COUNTERSIGN_DATABASE: `sqlite:${newFile('proxied.db')}` } },
  );
  await server.see(/is listening/);
});

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

async function get(
  path: string,
  headers: Readonly<Record<string, string>>,
  localAddress = '127.0.0.1',
): Promise<Answer> {
  const outgoing = request({ host: '127.0.0.1', port, path, headers, localAddress, agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode, body: await text(incoming) };
}

const named = (host: string, more: Readonly<Record<string, string>> = {}) => ({ host, ...more });

describe('behind a proxy the authority is the configured one', () => {
  it.each([
    ['X-Forwarded-Host', 'stranger.example'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Port', '8080'],
    ['Forwarded', 'host=stranger.example;proto=http'],
  ])('%s changes nothing in the metadata, even from a trusted proxy', async (name, value) => {
    const honest = await get(METADATA, named('auth.example'));
    expect(honest.status).toBe(200);
    expect(JSON.parse(honest.body)).toMatchObject({
      issuer: ISSUER,
      agent_token_endpoint: `${ISSUER}/agent/token`,
    });
    expect(await get(METADATA, named('auth.example', { [name]: value }))).toEqual(honest);
  });

  it('a page asked for under another host is refused, whatever X-Forwarded-Host says', async () => {
    expect((await get('/agent/auth', named('auth.example'))).status).not.toBe(421);
    const stranger = named('stranger.example', { 'x-forwarded-host': 'auth.example' });
    expect((await get('/agent/auth', stranger)).status).toBe(421);
  });
});

describe('the address of a client', () => {
  /** Lines come in the order of the requests, and some time after the answers. */
  async function everythingLogged(): Promise<void> {
    const id = `req-${Math.random().toString(36).slice(2)}`;
    await get(METADATA, named('auth.example', { 'x-request-id': id }));
    await expect.poll(() => server.stderr().includes(id), { timeout: 10_000 }).toBe(true);
  }

  /** What the log has for a request with this X-Forwarded-For. */
  async function logged(forwarded: string, localAddress?: string): Promise<unknown> {
    await everythingLogged();
    const from = server.stderr().length;
    await get(METADATA, named('auth.example', { 'x-forwarded-for': forwarded }), localAddress);
    await expect
      .poll(() => server.stderr().slice(from).includes('"msg":"request"'), { timeout: 10_000 })
      .toBe(true);
    const lines = server.stderr().slice(from).split('\n');
    const line = JSON.parse(lines.find((one) => one.includes('"msg":"request"')) ?? '{}');
    return line.remoteAddress;
  }

  it('is what a trusted proxy says, from the right the first that is not a proxy', async () => {
    expect(await logged('198.51.100.7')).toBe('198.51.100.7');
    expect(await logged('203.0.113.1, 198.51.100.7')).toBe('198.51.100.7');
    expect(await logged('203.0.113.1, 198.51.100.7, 127.0.0.1')).toBe('198.51.100.7');
  });

  it.runIf(process.platform === 'linux')('is the connection when that is a stranger', async () => {
    expect(await logged('198.51.100.7', '127.0.0.2')).toBe('127.0.0.2');
  });
});
