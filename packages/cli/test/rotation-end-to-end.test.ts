/**
 * Rotation and revocation as agents and resources live through them: each party with its own caches, over real HTTP, on one
 * clock that is moved by hand. The keys are changed on the database, as `countersign key` does it beside a server that runs.
 */
import { createAgent } from '@countersign/agent';
import {
  createAuthServer,
  openStorage,
  revokeSigningKey,
  rotateSigningKey,
  rulePolicy,
  type Storage,
} from '@countersign/auth-server';
import { isAAuthError, memoryReplayStore } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryKeys } from '../src/keys-file.js';
import { type Party, party } from './support/party.js';
import { newFile } from './support/servers.js';

const OVERLAP = 600;
/** Until a server has looked at the database again. */
const NOTICED = 31;
/** For which a resource keeps the keys of an issuer. */
const CACHED = 301;

let now = 1_800_000_000;
const clock = () => now;
const loopback = { insecureLoopback: true, clock };

let issuer: Party;
let storage: Storage;
let parties: readonly [Party, Party, Party];
/** What came to the first API, by the key that had signed its token. */
let seen: { kid: string | undefined; status: number }[];
let agent: ReturnType<typeof createAgent>;

async function startAuthServer([at, first, second]: typeof parties): Promise<void> {
  storage = await openStorage(`sqlite:${newFile('rotation.db')}`);
  const rules = {
    access: [
      { agent: at.id, audience: first.id, scopes: ['report.read'], decision: 'grant' as const },
    ],
    exchange: [{ caller: first.id, audience: second.id, scopes: ['items.read'] }],
  };
  const policy = rulePolicy(rules, { otherwise: 'deny', insecureLoopback: true });
  const server = await createAuthServer({ issuer: issuer.id, storage, policy, ...loopback });
  issuer.serve((request) => server.handle(request));
}

async function api(id: string, scope: string) {
  const keys = await temporaryKeys('api-key');
  const replay = memoryReplayStore({ clock });
  const scopes = { [scope]: 'Use it' };
  const resource = createResource({
    id,
    keys,
    replay,
    scopes,
    authServers: [issuer.id],
    ...loopback,
  });
  return { resource, keys };
}

/** The second API, and the first one, which exchanges what it was called with anew for every request. */
async function startApis([, first, second]: typeof parties): Promise<void> {
  const { resource: items } = await api(second.id, 'items.read');
  const list = items.guard({ scopes: ['items.read'] }, () => Response.json({ items: [] }));
  second.serve(async (request) => (await items.handle(request)) ?? (await list(request)));

  const { resource: report, keys } = await api(first.id, 'report.read');
  const create = () =>
    createAgent({ id: first.id, keys, interaction: { mode: 'none' }, ...loopback });
  const published = create();
  const read = report.guard({ scopes: ['report.read'] }, async (_request, access) => {
    try {
      const { status } = await create().onBehalfOf(access).fetch(`${second.id}/items`);
      return Response.json({ status });
    } catch (error) {
      if (isAAuthError(error)) return Response.json({ error: error.code }, { status: 502 });
      throw error;
    }
  });
  first.serve(async (request) => {
    const own = (await report.handle(request)) ?? (await published.handle(request));
    if (own !== null && own !== undefined) return own;
    const kid = kidOf(request.headers.get('signature-key'));
    const answer = await read(request);
    seen.push({ kid, status: answer.status });
    return answer;
  });
}

/** The key of the token that a request carries. */
function kidOf(signatureKey: string | null): string | undefined {
  const [, header] = /jwt="([\w-]+)\./.exec(signatureKey ?? '') ?? [];
  if (header === undefined) return undefined;
  return JSON.parse(Buffer.from(header, 'base64url').toString()).kid;
}

beforeAll(async () => {
  issuer = await party();
});
afterAll(async () => {});
beforeEach(async () => {
  seen = [];
  parties = [await party(), await party(), await party()];
  await startAuthServer(parties);
  await startApis(parties);
  const [at] = parties;
  const keys = await temporaryKeys('agent-key');
  agent = createAgent({ id: at.id, keys, interaction: { mode: 'none' }, ...loopback });
  at.serve(async (request) => (await agent.handle(request)) ?? new Response(null, { status: 404 }));
  return () => storage.close();
});

async function called(): Promise<unknown> {
  const [, first] = parties;
  return await (await agent.fetch(`${first.id}/report`)).json();
}

const kids = async () => (await storage.signingKeys.list()).map(({ kid }) => kid);
const keysOf = () => ({ storage, issuer: issuer.id, now });

describe('an agent, an API that calls another, and an auth server', () => {
  it('go on through a rotation: a token of the retired key is taken and exchanged until it expires', async () => {
    expect(await called()).toEqual({ status: 200 });
    const [old] = await kids();
    expect(seen).toEqual([
      { kid: undefined, status: 401 },
      { kid: old, status: 200 },
    ]);

    await rotateSigningKey({ ...keysOf(), kid: 'next' });
    now += OVERLAP + NOTICED;
    // The API's keys have gone from its cache in the meantime, and the agent still has its token.
    expect(await called()).toEqual({ status: 200 });
    expect(seen.at(-1)).toEqual({ kid: old, status: 200 });

    now += 2400;
    expect(await called()).toEqual({ status: 200 });
    expect(seen.at(-1)).toEqual({ kid: old, status: 200 });
    const before = seen.length;

    now += 3600;
    expect(await called()).toEqual({ status: 200 });
    expect(seen.slice(before).at(-1)).toEqual({ kid: 'next', status: 200 });
  });

  it('notice a revocation: the auth server at once, the API after the time of its cache, and the agent renews', async () => {
    expect(await called()).toEqual({ status: 200 });
    const [old = ''] = await kids();
    const { kid } = await revokeSigningKey({ ...keysOf(), kid: old });
    now += NOTICED;
    // The API has the key in its cache, and takes the token; it is worth nothing at the auth server any more.
    expect(await called()).toEqual({ error: 'invalid_token' });
    expect(seen.at(-1)).toEqual({ kid: old, status: 502 });

    now += CACHED;
    const before = seen.length;
    expect(await called()).toEqual({ status: 200 });
    const [refused, ...after] = seen.slice(before);
    expect(refused).toEqual({ kid: old, status: 401 });
    expect(after.at(-1)).toEqual({ kid, status: 200 });
  });
});
