import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type AgentStore,
  type HeldToken,
  MAX_FLOWS,
  MAX_TOKENS,
  memoryStore,
  type PendingFlow,
} from '../src/index.js';
import { fileStore } from '../src/node/index.js';
import { AGENT, API, AUTH, identifier, NOW } from './world.js';

const OTHER = identifier('https://other.example');

function token(change: Partial<HeldToken> = {}): HeldToken {
  return {
    resource: API,
    authServer: AUTH,
    token: 'one',
    expiresAt: NOW + 60,
    scope: ['read'],
    agent: AGENT,
    keyThumbprint: 'k',
    ...change,
  };
}

function flow(stateHash: string, change: Partial<PendingFlow> = {}): PendingFlow {
  return {
    kind: 'visit',
    stateHash,
    personKey: 'ann',
    resource: API,
    redirectUri: `${AGENT}/callback`,
    expiresAt: NOW + 60,
    ...change,
  } as PendingFlow;
}

const temporary = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), 'agent-')), 'store', 'a.json');

/** Every store keeps these promises. */
describe.each<[string, () => Promise<AgentStore>]>([
  ['memoryStore', () => Promise.resolve(memoryStore())],
  ['fileStore', async () => fileStore(await temporary())],
])('%s', (_, create) => {
  it('keeps tokens under person key and resource, the newest first', async () => {
    const store = await create();
    await store.saveToken('ann', token(), NOW);
    await store.saveToken('ann', token({ token: 'two', authServer: OTHER }), NOW);
    await store.saveToken('bob', token({ token: 'three' }), NOW);
    await store.saveToken('ann', token({ token: 'four', resource: OTHER }), NOW);
    const held = await store.tokens('ann', API);
    expect(held.map((one) => one.token)).toEqual(['two', 'one']);
    expect((await store.tokens('bob', API)).map((one) => one.token)).toEqual(['three']);
    expect(await store.tokens('eve', API)).toEqual([]);
  });

  it('replaces what a token covers and keeps what it does not', async () => {
    const store = await create();
    await store.saveToken('ann', token(), NOW);
    await store.saveToken('ann', token({ token: 'two', scope: ['write'] }), NOW);
    expect((await store.tokens('ann', API)).map((one) => one.token)).toEqual(['two', 'one']);
    await store.saveToken('ann', token({ token: 'all', scope: ['write', 'read'] }), NOW);
    expect((await store.tokens('ann', API)).map((one) => one.token)).toEqual(['all']);
  });

  it('drops the refresh token of one token, and nothing else', async () => {
    const store = await create();
    const other = token({ token: 'two', scope: ['write'], refreshToken: 'y' });
    await store.saveToken('ann', token({ refreshToken: 'x' }), NOW);
    await store.saveToken('ann', other, NOW);
    await store.saveToken('bob', token({ refreshToken: 'z' }), NOW);
    await store.dropRefreshToken('ann', API, 'one');
    await store.dropRefreshToken('ann', API, 'gone');
    expect(await store.tokens('ann', API)).toEqual([other, token()]);
    expect(await store.tokens('bob', API)).toEqual([token({ refreshToken: 'z' })]);
  });

  it('forgets what has run out and cannot be renewed, and what is over the limit', async () => {
    const store = await create();
    await store.saveToken('ann', token({ scope: ['a'] }), NOW);
    await store.saveToken('ann', token({ token: 'r', scope: ['b'], refreshToken: 'x' }), NOW);
    await store.saveToken('bob', token(), NOW + 60);
    expect((await store.tokens('ann', API)).map((one) => one.token)).toEqual(['r']);
    for (let at = 0; at < MAX_TOKENS + 2; at++) {
      await store.saveToken('ann', token({ token: `${at}`, scope: [`s${at}`] }), NOW);
    }
    expect((await store.tokens('ann', API)).length).toBe(MAX_TOKENS);
  });

  it('removes that token and no other', async () => {
    const store = await create();
    await store.saveToken('ann', token(), NOW);
    await store.removeToken('ann', API, 'other');
    await store.removeToken('bob', API, 'one');
    expect((await store.tokens('ann', API)).length).toBe(1);
    await store.removeToken('ann', API, 'one');
    expect(await store.tokens('ann', API)).toEqual([]);
  });

  it('gives a flow to exactly one of many takers', async () => {
    const store = await create();
    await store.addFlow(flow('a'), NOW);
    const taken = await Promise.all(Array.from({ length: 20 }, () => store.takeFlow('a', NOW)));
    expect(taken.filter((one) => one !== undefined)).toEqual([flow('a')]);
  });

  it('finds a flow without taking it, until it has run out', async () => {
    const store = await create();
    await store.addFlow(flow('a'), NOW);
    expect(await store.findFlow('a', NOW + 59)).toEqual(flow('a'));
    expect(await store.findFlow('a', NOW + 60)).toBeUndefined();
    expect(await store.takeFlow('a', NOW + 60)).toBeUndefined();
    expect(await store.findFlow('b', NOW)).toBeUndefined();
  });

  it('holds a bounded number of flows per person and says which gave way', async () => {
    const store = await create();
    await store.addFlow(flow('bob', { personKey: 'bob' }), NOW);
    for (let at = 0; at < MAX_FLOWS; at++) {
      expect(await store.addFlow(flow(`${at}`), NOW)).toEqual([]);
    }
    expect((await store.addFlow(flow('more'), NOW)).map((one) => one.stateHash)).toEqual(['0']);
    expect((await store.pendingFlows(NOW)).length).toBe(MAX_FLOWS + 1);
    expect(await store.pendingFlows(NOW + 60)).toEqual([]);
  });

  it('gives an interaction code once, in time, to the right person at the right resource', async () => {
    const store = await create();
    await store.saveInteractionCode('ann', API, { code: 'old', expiresAt: NOW + 60 });
    await store.saveInteractionCode('ann', API, { code: 'new', expiresAt: NOW + 60 });
    expect(await store.takeInteractionCode('bob', API, NOW)).toBeUndefined();
    expect(await store.takeInteractionCode('ann', OTHER, NOW)).toBeUndefined();
    const taken = await Promise.all([1, 2].map(() => store.takeInteractionCode('ann', API, NOW)));
    expect(taken.filter((one) => one !== undefined)).toEqual(['new']);
    await store.saveInteractionCode('ann', API, { code: 'late', expiresAt: NOW });
    expect(await store.takeInteractionCode('ann', API, NOW)).toBeUndefined();
  });

  it('keeps one session for each person and resource, until it has run out', async () => {
    const store = await create();
    const save = (person: string, resource: string, code: string, expiresAt = NOW + 60) =>
      store.saveInteractionSession(person, resource, { code, expiresAt }, NOW);
    await save('ann', API, 'old');
    await save('ann', API, 'new');
    await save('bob', API, "bob's");
    await save('ann', OTHER, 'other', NOW);
    expect(await store.interactionSession('ann', API, NOW + 59)).toBe('new');
    expect(await store.interactionSession('bob', API, NOW)).toBe("bob's");
    expect(await store.interactionSession('ann', API, NOW + 60)).toBeUndefined();
    expect(await store.interactionSession('ann', OTHER, NOW)).toBeUndefined();
    expect(await store.interactionSession('eve', API, NOW)).toBeUndefined();
  });
});

describe('fileStore', () => {
  it('survives a restart, in a file that only its owner reads, leaving no drafts', async () => {
    const path = await temporary();
    const store = fileStore(path);
    await Promise.all(
      [1, 2, 3].map((at) => store.saveToken(`p${at}`, token({ token: `t${at}` }), NOW)),
    );
    await store.addFlow(flow('a'), NOW);
    const again = fileStore(path);
    for (const at of [1, 2, 3]) {
      expect((await again.tokens(`p${at}`, API)).map((one) => one.token)).toEqual([`t${at}`]);
    }
    expect(await again.takeFlow('a', NOW)).toEqual(flow('a'));
    expect(await fileStore(path).takeFlow('a', NOW)).toBeUndefined();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, '..'))).toEqual(['a.json']);
  });

  it('reads a file that knew no sessions yet', async () => {
    const path = await temporary();
    await mkdir(dirname(path), { recursive: true });
    const codes = [['ann', API, { code: 'once', expiresAt: NOW + 60 }]];
    await writeFile(path, JSON.stringify({ version: 1, tokens: [], flows: [], codes }));
    const store = fileStore(path);
    expect(await store.interactionSession('ann', API, NOW)).toBeUndefined();
    expect(await store.takeInteractionCode('ann', API, NOW)).toBe('once');
  });

  it('writes nothing where nothing has changed', async () => {
    const path = await temporary();
    const store = fileStore(path);
    await store.takeInteractionCode('ann', API, NOW);
    await store.tokens('ann', API);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it.each([
    '',
    'not json',
    '[]',
    '{"version":2,"tokens":[],"flows":[],"codes":[]}',
    '{"version":1}',
  ])('refuses a file that is not a store, and leaves it alone: %s', async (content) => {
    const path = join(await mkdtemp(join(tmpdir(), 'agent-')), 'a.json');
    await writeFile(path, content);
    const store = fileStore(path);
    await expect(store.saveToken('ann', token(), NOW)).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('goes on after an operation that failed', async () => {
    const path = await temporary();
    const store = fileStore(path);
    await store.saveToken('ann', token(), NOW);
    const content = await readFile(path, 'utf8');
    await writeFile(path, 'broken');
    await expect(store.tokens('ann', API)).rejects.toThrow();
    await writeFile(path, content);
    expect((await store.tokens('ann', API)).length).toBe(1);
  });
});
