import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPeerAgent } from './peers/agent.js';
import { startPeerAuthServer } from './peers/auth-server.js';
import type { PeerServer } from './peers/http.js';
import { startPeerResource } from './peers/resource.js';
import { type PeerWire, verifySignature } from './peers/signatures.js';
import { decide } from './support/person.js';
import { type Result, start, urlToApprove } from './support/program.js';
import { type Served, serveAuthServer, serveResource } from './support/servers.js';

// The peers know nothing of this project: node:http, node:crypto and the captured run.

const WIRES: readonly PeerWire[] = ['2026-01', '2026-02'];
const OLDER = ['--accept-wire', '2026-01'];

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

const approve = async (url: string): Promise<void> => {
  await decide(url);
};

/** Our agent, with a person who approves. */
async function fetchWithOurs(url: string, wire: PeerWire, args: string[] = []): Promise<Result> {
  const program = start(['fetch', url, '--wire', wire, '--no-browser', ...args]);
  await decide(await urlToApprove(program));
  return await program.ended;
}

const granted = { message: 'Access granted', scheme: 'jwt', scope: 'data.read data.write' };

describe('the peers', () => {
  it('verify the four signed requests of the captured run under 2026-01 and not under 2026-02', () => {
    const file = new URL('../../httpsig/test/vectors/transcript-2026-01.json', import.meta.url);
    const { agentKey, requests } = JSON.parse(readFileSync(file, 'utf8'));
    expect(requests).toHaveLength(4);
    for (const captured of requests) {
      const target = toTarget(captured);
      expect(() => verifySignature('2026-01', agentKey, target)).not.toThrow();
      expect(() => verifySignature('2026-02', agentKey, target)).toThrow('bad signature');
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
