import { type AgentStore, type Interaction, memoryStore } from '@countersign/agent';
import { fileStore } from '@countersign/agent/node';
import type { Storage } from '@countersign/auth-server';
import { isAAuthError } from '@countersign/protocol';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Stage } from '../src/demo/stage.js';
import { temporaryKeys } from '../src/keys-file.js';
import { onStage, requestsTo } from './support/stage.js';

const PATIENCE = { timeout: 15_000 };

/** All three parties over HTTP, with a person who approves and is counted. */
async function parties(stage: Stage, store: AgentStore = memoryStore()) {
  const agentSeat = await stage.seat('Agent');
  const resourceSeat = await stage.seat('Resource');
  const authServerSeat = await stage.seat('Auth server');
  const browser = stage.browser();
  const asked: string[] = [];
  const interaction: Interaction = {
    mode: 'wait',
    present: async ({ url }) => {
      asked.push(url);
      await browser.visit(url);
    },
  };
  const rotation = { keys: await temporaryKeys('key-1') };
  const options = { keys: () => rotation.keys, interaction, store };
  const { agent } = await stage.agent({ seat: agentSeat, ...options });
  await stage.resource([authServerSeat.id], { seat: resourceSeat });
  const { storage } = await stage.authServer({ seat: authServerSeat });
  const url = `${resourceSeat.id}/data-auth`;
  const call = async () => (await agent.fetch(url)).status;
  const tokenRequests = () =>
    requestsTo(stage, 'Auth server').map((line) => /request_type=(\w+)/.exec(line)?.[1]);
  return { agent, agentSeat, storage, url, call, asked, rotation, tokenRequests, store, options };
}

async function person(storage: Storage) {
  const user = await storage.users.findByUsername('testuser');
  if (user === undefined) throw new Error('the stage has a person');
  return user;
}

describe('over HTTP, a refresh token', () => {
  it('survives a change of the agent’s key, for which no person is asked', async () => {
    await onStage(async (stage) => {
      const { call, rotation, tokenRequests, asked, store, url } = await parties(stage);
      expect(await call()).toBe(200);
      const { origin } = new URL(url);
      const [former] = await store.tokens('', origin);
      rotation.keys = await temporaryKeys('key-2');
      expect(await call()).toBe(200);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh']);
      const [renewed] = await store.tokens('', origin);
      expect(renewed?.keyThumbprint).toBe(rotation.keys.current.thumbprint);
      expect(former?.keyThumbprint).not.toBe(renewed?.keyThumbprint);
      expect(asked.length).toBe(1);
    });
  });

  it('serves an agent that is made anew on the same file with another key', async () => {
    await onStage(async (stage) => {
      const file = join(stage.folder, 'agent.json');
      const { call, options, agentSeat, url, asked, tokenRequests } = await parties(
        stage,
        fileStore(file),
      );
      expect(await call()).toBe(200);
      const keys = await temporaryKeys('key-2');
      const restarted = await stage.agent({
        ...options,
        seat: agentSeat,
        keys,
        store: fileStore(file),
      });
      expect((await restarted.agent.fetch(url)).status).toBe(200);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh']);
      expect(asked.length).toBe(1);
    });
  });

  it('is used before the token runs out, beside the call that shows it is time', async () => {
    await onStage(async (stage) => {
      const { call, tokenRequests, store, url } = await parties(stage);
      expect(await call()).toBe(200);
      const { origin } = new URL(url);
      const [first] = await store.tokens('', origin);
      stage.advance(3400);
      expect(await call()).toBe(200);
      await expect
        .poll(async () => (await store.tokens('', origin))[0]?.expiresAt, PATIENCE)
        .toBeGreaterThan(first?.expiresAt ?? Infinity);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh']);
      stage.advance(3000);
      expect(await call()).toBe(200);
      expect(requestsTo(stage, 'Resource').slice(2)).toEqual([
        'GET /data-auth — auth token',
        'GET /data-auth — auth token',
      ]);
    });
  });

  it('is gone with the grant: the person is asked anew', async () => {
    await onStage(async (stage) => {
      const { call, storage, asked, tokenRequests } = await parties(stage);
      expect(await call()).toBe(200);
      const [grant] = await storage.grants.list();
      expect(await storage.grants.revoke({ id: grant?.id ?? '', now: stage.clock() })).toBe(true);
      stage.advance(3600);
      expect(await call()).toBe(200);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh', 'auth', 'code']);
      expect(asked.length).toBe(2);
    });
  });

  it('is gone with the person, who cannot be asked any more: the agent does not get in', async () => {
    await onStage(async (stage) => {
      const { agent, call, storage, url, asked, tokenRequests, store } = await parties(stage);
      expect(await call()).toBe(200);
      await storage.users.disable((await person(storage)).id, stage.clock());
      stage.advance(3600);
      const abort = new AbortController();
      const given = agent.fetch(url, { signal: abort.signal }).catch((error: unknown) => error);
      await expect.poll(() => asked.length, PATIENCE).toBe(2);
      abort.abort(new Error('nobody comes'));
      expect(isAAuthError(await given)).toBe(false);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh', 'auth']);
      expect(await store.tokens('', new URL(url).origin)).toEqual([]);
    });
  });

  it('is used once by agents of one identity that share a file', async () => {
    await onStage(async (stage) => {
      const file = join(stage.folder, 'agent.json');
      const { call, options, agentSeat, url, tokenRequests } = await parties(
        stage,
        fileStore(file),
      );
      expect(await call()).toBe(200);
      stage.advance(3600);
      const others = await Promise.all(
        [1, 2, 3].map(() => stage.agent({ ...options, seat: agentSeat, store: fileStore(file) })),
      );
      const all = await Promise.all(others.map(({ agent }) => agent.fetch(url)));
      expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(tokenRequests()).toEqual(['auth', 'code', 'refresh']);
    });
  });
});
