import { beforeEach, describe, expect, it } from 'vitest';
import { begin } from '../src/reaction.js';
import { RouteScopes } from '../src/route-scopes.js';
import type { HeldToken } from '../src/index.js';
import { AGENT, API, AUTH, identifier, NOW, rejection, tokenOf, World } from './world.js';

const scope = (...names: string[]) => ({ scope: names });

describe('what is remembered of routes', () => {
  it('is looked up by method and path, and else by the nearest folder', () => {
    const routes = new RouteScopes();
    routes.learn('GET', `${API}/items/1?x=1`, scope('read'));
    routes.learn('POST', `${API}/items/1`, scope('write'));
    routes.learn('GET', `${API}/items/special`, scope('special'));
    routes.learn('GET', `${API}/items/2`, scope('read'));
    expect(routes.of('GET', `${API}/items/1?y=2`)).toEqual(scope('read'));
    expect(routes.of('POST', `${API}/items/1`)).toEqual(scope('write'));
    expect(routes.of('GET', `${API}/items/special`)).toEqual(scope('special'));
    expect(routes.of('GET', `${API}/items/3`)).toEqual(scope('read'));
    expect(routes.of('GET', `${API}/items/3/parts/4`)).toEqual(scope('read'));
    expect(routes.of('GET', `${API}/other`)).toBeUndefined();
    expect(routes.of('PUT', `${API}/items/1`)).toBeUndefined();
    expect(routes.of('GET', 'https://other.example/items/1')).toBeUndefined();
  });

  it('stays within bounds, and what was learned last stays', () => {
    const routes = new RouteScopes();
    routes.learn('GET', `${API}/first/x`, scope('a'));
    for (let at = 0; at < 1000; at++) routes.learn('GET', `${API}/f${at}/x`, scope('b'));
    expect(routes.of('GET', `${API}/first/x`)).toBeUndefined();
    expect(routes.of('GET', `${API}/f999/x`)).toEqual(scope('b'));
  });

  it('copes with any path', () => {
    const routes = new RouteScopes();
    for (const path of ['', '/', '//', '/a//b/', `/${'x/'.repeat(4000)}`]) {
      routes.learn('GET', `${API}${path}`, scope('a'));
      expect(routes.of('GET', `${API}${path}`)).toEqual(scope('a'));
    }
  });
});

describe('begin, where it is remembered what the route asks for', () => {
  const token = (name: string, ...names: string[]): HeldToken => ({
    resource: API,
    authServer: AUTH,
    token: name,
    expiresAt: NOW + 3600,
    scope: names,
    agent: AGENT,
    keyThumbprint: 'k',
  });
  const own = { agent: AGENT, keyThumbprint: 'k', now: NOW, refreshed: new Set<string>() };
  const both = token('both', 'a', 'b');
  const a = token('a', 'a');
  const b = token('b', 'b');
  const start = (held: HeldToken[], ...remembered: string[]) => {
    const chosen = begin({ ...own, held, remembered: scope(...remembered) });
    const named = chosen.by === 'token' || chosen.by === 'refresh' ? chosen.token.token : '';
    return `${chosen.by} ${named}`;
  };

  it('sends the narrowest token that covers it, else the newest', () => {
    expect(start([both, b, a], 'a')).toBe('token a');
    expect(start([both, b, a], 'b')).toBe('token b');
    expect(start([b, a, both], 'a', 'b')).toBe('token both');
    expect(start([b, a], 'c')).toBe('token b');
  });

  it('renews one that covers it rather than send one that does not', () => {
    const old = { ...a, expiresAt: NOW, refreshToken: 'r' };
    expect(start([b, old], 'a')).toBe('refresh a');
    expect(start([b, { ...a, expiresAt: NOW }], 'a')).toBe('token b');
    expect(start([{ ...old, agent: identifier('https://x.example') }], 'a')).toBe('identity ');
  });
});

describe('routes that ask for different scopes', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
    world.resource = (seen) => {
      const { pathname } = new URL(seen.url);
      world.wanted = pathname === '/both' ? ['a', 'b'] : [pathname.slice(1)];
      return undefined;
    };
  });
  const scopes = () => world.to(API).map((seen) => tokenOf(seen)?.['scope']);

  it('are served by a token each, and after the first time none is sent in vain', async () => {
    const agent = world.agent();
    for (const path of ['a', 'b']) await agent.fetch(`${API}/${path}`);
    expect(scopes()).toEqual([undefined, 'a', 'a', 'b']);
    world.seen.length = 0;
    for (const path of ['a', 'b', 'a', 'b', 'b', 'a']) {
      expect((await agent.fetch(`${API}/${path}`)).status).toBe(200);
    }
    expect(scopes()).toEqual(['a', 'b', 'a', 'b', 'b', 'a']);
    expect(world.tokenRequests()).toEqual([]);
  });

  it('are served by the wider token once there is one', async () => {
    const agent = world.agent();
    for (const path of ['a', 'b', 'both']) await agent.fetch(`${API}/${path}`);
    world.seen.length = 0;
    for (const path of ['a', 'b', 'both', 'a']) await agent.fetch(`${API}/${path}`);
    expect(scopes()).toEqual(['a b', 'a b', 'a b', 'a b']);
    expect(world.tokenRequests()).toEqual([]);
  });

  it('keep the narrow token when the person refuses the wider one', async () => {
    const agent = world.agent({
      interaction: {
        mode: 'wait',
        present: async ({ url }) => {
          await agent.handle(new Request(world.answer(url, { error: 'access_denied' })));
        },
      },
    });
    await agent.fetch(`${API}/a`);
    world.consent = 'person';
    world.seen.length = 0;
    expect(await rejection(agent.fetch(`${API}/both`))).toMatchObject({
      code: 'interaction_denied',
      refusedBy: 'person',
      retry: 'ask-person-again',
    });
    expect((await agent.fetch(`${API}/a`)).status).toBe(200);
    expect(scopes()).toEqual(['a', 'a']);
  });

  it('are not believed to be open by a token that was granted for less', async () => {
    const agent = world.agent();
    await agent.fetch(`${API}/a`);
    world.authTokenClaims = { scope: ['a'] };
    expect((await rejection(agent.fetch(`${API}/both`))).code).toBe('challenge_unmet');
    world.authTokenClaims = {};
    world.seen.length = 0;
    expect((await agent.fetch(`${API}/both`)).status).toBe(200);
    expect(scopes()).toEqual(['a', 'a b']);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('never loop when the resource refuses what it asked for', async () => {
    const agent = world.agent();
    await agent.fetch(`${API}/a`);
    await agent.fetch(`${API}/b`);
    world.resource = async (_seen, caller) => {
      world.wanted = ['a'];
      return await world.challenge(caller, { status: 403, scope: ['a'] });
    };
    world.seen.length = 0;
    expect(await rejection(agent.fetch(`${API}/a`))).toMatchObject({
      code: 'challenge_unmet',
      refusedBy: 'resource',
      retry: 'never',
    });
    expect(world.to(API).length).toBe(3);
    expect(world.tokenRequests()).toEqual(['auth', 'auth']);
  });
});
