import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PeerAgent, startPeerAgent } from './peers/agent.js';
import { startPeerAuthServer } from './peers/auth-server.js';
import type { PeerServer } from './peers/http.js';
import { startPeerResource } from './peers/resource.js';
import { type PeerWire, verifySignature } from './peers/signatures.js';
import { Browser, decide } from './support/person.js';
import { type Result, start, urlToApprove } from './support/program.js';
import { type Served, serveAuthServer, serveResource } from './support/servers.js';

// The peers know nothing of this project: node:http, node:crypto and the captured run.

const WIRES: readonly PeerWire[] = ['2026-01', '2026-02'];
const OLDER = ['--accept-wire', '2026-01'];
/** The captured auth server returns no state; `--wire 2026-01` implies this. */
const WITHOUT_STATE = ['--allow-missing-state'];

let authServer: Served;
let strictAuthServer: Served;
const peers: PeerServer[] = [];

async function peer<T extends PeerServer>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  peers.push(started);
  return started;
}

beforeAll(async () => {
  [authServer, strictAuthServer] = await Promise.all([
    serveAuthServer([...OLDER, '--same-origin-redirects']),
    serveAuthServer(),
  ]);
});
afterAll(async () => {
  await Promise.all(peers.map((one) => one.close()));
});

/** Signs in at each server once. */
const browser = new Browser();
const approve = async (url: string): Promise<void> => {
  await decide(url, { browser });
};

/** Our agent, with a person who approves. */
async function fetchWithOurs(url: string, wire: PeerWire, args: string[] = []): Promise<Result> {
  const program = start(['fetch', url, '--wire', wire, '--no-browser', ...args]);
  await approve(await urlToApprove(program));
  return await program.ended;
}

const granted = { message: 'Access granted', scheme: 'jwt', scope: 'data.read data.write' };

interface Captured {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly coveredComponents?: string;
  readonly body?: string;
}

/** A captured request as a peer receives it. Where the trace cut `created` off, any will do: January's base has none. */
function received({ method, url, headers, coveredComponents, body = '' }: Captured) {
  const { host, pathname } = new URL(url);
  const input =
    coveredComponents === undefined
      ? {}
      : { 'signature-input': `sig1=${coveredComponents};created=1768786030` };
  const all = { ...headers, ...input };
  return { method, authority: host, path: pathname, query: undefined, headers: all, body };
}

describe('the peers', () => {
  it('verify the four signed requests of the captured run under 2026-01 and not under 2026-02', () => {
    const file = new URL('../../httpsig/test/vectors/transcript-2026-01.json', import.meta.url);
    const { agentKey, ...captured } = JSON.parse(readFileSync(file, 'utf8'));
    const names = ['firstRequest', 'authRequest', 'codeExchange', 'authorizedRequest'];
    for (const name of names) {
      const request = received(captured[name]);
      expect(() => verifySignature('2026-01', agentKey.jwk, request)).not.toThrow();
      expect(() => verifySignature('2026-02', agentKey.jwk, request)).toThrow('bad signature');
    }
  });

  it.each(WIRES)('speak %s among themselves', async (wire) => {
    const theirAuthServer = await peer(startPeerAuthServer(wire));
    const theirResource = await peer(startPeerResource(wire, theirAuthServer.url));
    const theirAgent = await peer(startPeerAgent(wire));
    const answer = await theirAgent.get(`${theirResource.url}/data-auth?page=2`, approve);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ ...granted, agent: theirAgent.url });
  });
});

describe.each(WIRES)('on the %s wire', (wire) => {
  let theirAgent: PeerAgent;
  let theirAuthServer: PeerServer;
  /** Their resource, which sends agents to our auth server. */
  let theirResource: PeerServer;
  /** Our resource, which sends agents to our auth server, and to theirs. */
  let ourResource: Served;
  let ourResourceOfTheirs: Served;

  beforeAll(async () => {
    theirAgent = await peer(startPeerAgent(wire));
    theirAuthServer = await peer(startPeerAuthServer(wire));
    theirResource = await peer(startPeerResource(wire, authServer.url));
    [ourResource, ourResourceOfTheirs] = await Promise.all([
      serveResource(authServer.url, OLDER),
      serveResource(theirAuthServer.url, OLDER),
    ]);
  });

  it('their agent is let in by our resource and our auth server', async () => {
    const answer = await theirAgent.get(`${ourResource.url}/data-auth`, approve);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ ...granted, agent: theirAgent.url });
    const withQuery = await theirAgent.get(`${ourResource.url}/data-auth?page=2&x`, approve);
    expect(withQuery.status).toBe(200);
  });

  it('their agent is let in by our resource and their auth server', async () => {
    const answer = await theirAgent.get(`${ourResourceOfTheirs.url}/data-auth`, approve);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ ...granted, agent: theirAgent.url });
  });

  it('their agent is let in by their resource and our auth server', async () => {
    const answer = await theirAgent.get(`${theirResource.url}/data-auth`, approve);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ ...granted, agent: theirAgent.url });
  });

  it('their agent gets no token where the person denies', async () => {
    const ended = theirAgent.get(`${ourResource.url}/data-auth`, async (url) => {
      await decide(url, { browser, deny: true });
    });
    expect((await ended).status).toBe(400);
  });

  it('our agent is let in by their resource and their auth server', async () => {
    const resource = await peer(startPeerResource(wire, theirAuthServer.url));
    const result = await fetchWithOurs(`${resource.url}/data-auth?page=2`, wire, WITHOUT_STATE);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject(granted);
  });

  it('our agent is let in by their resource and our auth server', async () => {
    const result = await fetchWithOurs(`${theirResource.url}/data-auth`, wire);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject(granted);
  });

  it('our agent is let in by our resource and their auth server', async () => {
    const url = `${ourResourceOfTheirs.url}/data-auth`;
    const result = await fetchWithOurs(url, wire, WITHOUT_STATE);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject(granted);
  });
});

describe('without its unsafe switch', () => {
  it('an answer without state is refused under 2026-02, and waiting goes on', async () => {
    const theirAuthServer = await peer(startPeerAuthServer('2026-02'));
    const resource = await peer(startPeerResource('2026-02', theirAuthServer.url));
    const program = start(['fetch', `${resource.url}/data-auth`, '--wire', '2026-02']);
    const page = await decide(await urlToApprove(program));
    expect(page.status).toBe(400);
    expect(page.html).toContain('cannot be used');
    expect(program.stdout()).toBe('');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', stdout: '' });
  });

  it('our resource refuses the 2026-01 wire and takes 2026-02', async () => {
    const resource = await serveResource(strictAuthServer.url);
    const [january, february] = await Promise.all([
      peer(startPeerAgent('2026-01')),
      peer(startPeerAgent('2026-02')),
    ]);
    const refused = await january.request('GET', `${resource.url}/data-auth`);
    expect(refused.status, refused.text).toBe(401);
    expect(refused.headers['agent-auth']).toBe('httpsig; identity=?1');
    expect(JSON.parse(refused.text)).toMatchObject({ error: 'invalid_signature' });
    const taken = await february.request('GET', `${resource.url}/data-auth`);
    expect(taken.headers['agent-auth']).toContain('resource_token=');
  });

  it('our auth server refuses the 2026-01 wire and takes 2026-02', async () => {
    const tokenEndpoint = `${strictAuthServer.url}/agent/token`;
    const form = 'request_type=code&code=none';
    const january = await peer(startPeerAgent('2026-01'));
    const refused = await january.request('POST', tokenEndpoint, form);
    expect(refused.status, refused.text).toBe(401);
    expect(JSON.parse(refused.text)).toMatchObject({ error: 'invalid_signature' });
    const february = await peer(startPeerAgent('2026-02'));
    const taken = await february.request('POST', tokenEndpoint, form);
    expect(taken.status).toBe(400);
    expect(JSON.parse(taken.text)).toMatchObject({ error: 'invalid_grant' });
  });

  it('our auth server refuses an agent that publishes no redirect_uris', async () => {
    const resource = await peer(startPeerResource('2026-02', strictAuthServer.url));
    const theirAgent = await peer(startPeerAgent('2026-02'));
    const refused = await theirAgent.get(`${resource.url}/data-auth`, () => {
      throw new Error('nobody is to be asked');
    });
    expect(refused.status, refused.text).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining('redirect_uris'),
    });
  });
});
