import { generatePrivateJwk } from '@countersign/httpsig';
import {
  type Caller,
  issueAgentToken,
  issueResourceToken,
  loadKeySet,
  serializeChallenge,
} from '@countersign/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Climb, ClimbedLevels, LEVEL_SECONDS } from '../src/climb.js';
import { memoryStore } from '../src/index.js';
import { begin, beginningLevel, react, type Situation } from '../src/reaction.js';
import { agentAuth, AGENT, API, AUTH, NOW, rejection, SCOPE, type Seen, World } from './world.js';

let world: World;
beforeEach(async () => {
  world = await World.create();
});

const IDENTITY = 'httpsig; identity=?1';

async function situationOf(change: Partial<Situation> = {}): Promise<Situation> {
  return {
    resource: API,
    agent: AGENT,
    keyThumbprint: world.agentKeys.current.thumbprint,
    now: NOW,
    signing: { by: 'key' },
    climb: 'authorization',
    held: [],
    sent: new Set(),
    refreshed: new Set(),
    freshTokens: 0,
    visits: 0,
    url: `${API}/data`,
    method: 'GET',
    redirects: 0,
    redirectMode: 'follow',
    allowCrossOriginRedirects: false,
    ...change,
  };
}

async function accessChallenge(): Promise<string> {
  const resourceToken = await issueResourceToken(world.keys.get(API)!.current, {
    resource: API,
    authServer: AUTH,
    agent: AGENT,
    agentThumbprint: world.agentKeys.current.thumbprint,
    scope: SCOPE,
    now: NOW,
    tokenId: 't',
  });
  return serializeChallenge({ kind: 'auth-token', resourceToken, authServer: AUTH });
}

describe('what a bare key does with a challenge', () => {
  it.each<[Climb, number, string, string]>([
    ['signature', 401, IDENTITY, 'deliver'],
    ['signature', 401, 'not a challenge at all(', 'deliver'],
    ['identity', 401, IDENTITY, 'retry-with-identity'],
    ['identity', 403, IDENTITY, 'retry-with-identity'],
    ['identity', 429, IDENTITY, 'retry-with-identity'],
    ['authorization', 429, IDENTITY, 'retry-with-identity'],
    ['identity', 400, IDENTITY, 'deliver'],
    ['identity', 503, IDENTITY, 'deliver'],
    ['identity', 401, 'httpsig', 'deliver'],
    ['authorization', 401, `httpsig; user_interaction="${API}/ask"`, 'deliver'],
  ])(
    'allowed to climb to %s, on %i with %s, it will %s',
    async (climb, status, agentAuth, kind) => {
      const situation = await situationOf({ climb });
      expect(react({ status, agentAuth, location: null }, situation).kind).toBe(kind);
    },
  );

  it('shows its identity first when it is asked for a token at once', async () => {
    const answer = { status: 401, agentAuth: await accessChallenge(), location: null };
    expect(react(answer, await situationOf()).kind).toBe('retry-with-identity');
    expect(react(answer, await situationOf({ climb: 'identity' })).kind).toBe('deliver');
  });
});

describe('what an identified agent does with a challenge', () => {
  const signing = { by: 'identity' } as const;

  it.each([401, 403, 429])('on %i it asks for a token only if it may', async (status) => {
    const answer = { status, agentAuth: await accessChallenge(), location: null };
    const kind = async (climb: Climb) => react(answer, await situationOf({ signing, climb })).kind;
    expect(await kind('authorization')).toBe('ask-for-token');
    expect(await kind('identity')).toBe('deliver');
  });

  it('sends its person to a page only if it may be authorised', async () => {
    const agentAuth = `httpsig; user_interaction="${API}/ask"`;
    const answer = { status: 401, agentAuth, location: null };
    const kind = async (climb: Climb) => react(answer, await situationOf({ signing, climb })).kind;
    expect(await kind('authorization')).toBe('send-person');
    expect(await kind('identity')).toBe('deliver');
  });

  it.each([401, 403, 429])(
    'delivers %i when it is asked for the identity it has shown',
    async (status) => {
      const answer = { status, agentAuth: IDENTITY, location: null };
      expect(react(answer, await situationOf({ signing })).kind).toBe('deliver');
    },
  );
});

describe('the level a call begins at', () => {
  it.each<['hwk' | 'jwks', Climb, Climb | undefined, Climb]>([
    ['hwk', 'signature', undefined, 'signature'],
    ['hwk', 'authorization', undefined, 'signature'],
    ['hwk', 'authorization', 'identity', 'identity'],
    ['hwk', 'authorization', 'authorization', 'authorization'],
    ['hwk', 'identity', 'authorization', 'identity'],
    ['jwks', 'authorization', undefined, 'authorization'],
    ['jwks', 'identity', undefined, 'identity'],
  ])('of %s that climbs to %s and was at %s is %s', (scheme, climb, remembered, level) => {
    expect(beginningLevel(scheme, climb, remembered)).toBe(level);
  });

  it('decides whether a held token is used', async () => {
    const token = {
      resource: API,
      authServer: AUTH,
      token: 'one',
      expiresAt: NOW + 3600,
      scope: SCOPE,
      agent: AGENT,
      keyThumbprint: world.agentKeys.current.thumbprint,
    };
    const situation = await situationOf({ held: [token] });
    expect(begin(situation, 'signature')).toEqual({ by: 'key' });
    expect(begin(situation, 'identity')).toEqual({ by: 'identity' });
    expect(begin(situation, 'authorization')).toEqual({ by: 'token', token });
    expect(begin(situation)).toEqual({ by: 'token', token });
  });

  it('is remembered for ten minutes, for one person at one origin', () => {
    let now = NOW;
    const levels = new ClimbedLevels(() => now);
    levels.set('ann', API, 'identity');
    expect(levels.get('ann', API)).toBe('identity');
    expect(levels.get('bob', API)).toBeUndefined();
    expect(levels.get('ann', AUTH)).toBeUndefined();
    now += LEVEL_SECONDS - 1;
    expect(levels.get('ann', API)).toBe('identity');
    now += 1;
    expect(levels.get('ann', API)).toBeUndefined();
  });

  it('is forgotten for the oldest origin beyond a thousand', () => {
    const levels = new ClimbedLevels(() => NOW);
    for (let at = 0; at < 1_000; at += 1) levels.set('', `https://${at}.example`, 'identity');
    levels.set('', 'https://0.example', 'authorization');
    levels.set('', 'https://1000.example', 'identity');
    expect(levels.get('', 'https://0.example')).toBe('authorization');
    expect(levels.get('', 'https://1.example')).toBeUndefined();
    expect(levels.get('', 'https://1000.example')).toBe('identity');
  });
});

/** How the requests to the API were signed, in order. */
const kinds: string[] = [];

/** A resource that lets `open` in, and answers weaker callers with that status and a challenge for the next level. */
function progressive(open: Caller['kind'], status: number): void {
  kinds.length = 0;
  const levels: readonly Caller['kind'][] = ['key', 'agent', 'token-holder'];
  world.resource = async (_seen: Seen, caller: Caller) => {
    kinds.push(caller.kind);
    if (levels.indexOf(caller.kind) >= levels.indexOf(open)) return new Response('welcome');
    if (caller.kind === 'key') return agentAuth({ kind: 'identity' }, status, RETRY);
    const answer = await world.challenge(caller, { status });
    answer.headers.set('Retry-After', '30');
    return answer;
  };
}
const RETRY = { 'Retry-After': '30' };

describe('an agent that begins with its bare key', () => {
  const climbing = (climb: Climb) => world.agent({ scheme: 'hwk', climb });

  it.each([401, 403, 429])('climbs to its identity on %i', async (status) => {
    progressive('agent', status);
    const response = await climbing('identity').fetch(`${API}/data`);
    expect(await response.text()).toBe('welcome');
    expect(kinds).toEqual(['key', 'agent']);
    expect(world.to(AUTH)).toEqual([]);
  });

  it.each([401, 403, 429])('climbs on to an auth token on %i', async (status) => {
    progressive('token-holder', status);
    const response = await climbing('authorization').fetch(`${API}/data`);
    expect(await response.text()).toBe('welcome');
    expect(kinds).toEqual(['key', 'agent', 'token-holder']);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it.each<[Climb, Caller['kind'][]]>([
    ['signature', ['key']],
    ['identity', ['key', 'agent']],
  ])('goes no further than %s, and its caller sees the answer', async (climb, sent) => {
    progressive('token-holder', 429);
    const response = await climbing(climb).fetch(`${API}/data`);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('30');
    expect(await response.text()).toBe('Authorization required');
    expect(kinds).toEqual(sent);
    expect(world.to(AUTH)).toEqual([]);
  });

  it('delivers 429 when there is no way up, and asks no one', async () => {
    world.resource = () => new Response('slowly', { status: 429, headers: RETRY });
    const response = await climbing('authorization').fetch(`${API}/data`);
    expect([response.status, await response.text()]).toEqual([429, 'slowly']);
    expect(world.seen).toHaveLength(1);
  });

  it('sends the same body again at each level, signed anew', async () => {
    progressive('token-holder', 429);
    const agent = climbing('authorization');
    await agent.fetch(`${API}/data`, { method: 'POST', body: 'a=1' });
    const sent = world.to(API);
    expect(sent.map(({ body }) => body)).toEqual(['a=1', 'a=1', 'a=1']);
    expect(new Set(sent.map(({ headers }) => headers.get('nonce'))).size).toBe(3);
  });

  it('begins there the next time, and at the bottom again after ten minutes', async () => {
    progressive('agent', 401);
    const agent = climbing('identity');
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(kinds).toEqual(['key', 'agent', 'agent']);
    world.now += LEVEL_SECONDS;
    await agent.fetch(`${API}/data`);
    expect(kinds.slice(3)).toEqual(['key', 'agent']);
  });

  it('uses the token it holds when it begins there the next time', async () => {
    progressive('token-holder', 401);
    const agent = climbing('authorization');
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(kinds).toEqual(['key', 'agent', 'token-holder', 'token-holder']);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('remembers no level that was not let in', async () => {
    progressive('token-holder', 403);
    const agent = climbing('identity');
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(kinds).toEqual(['key', 'agent', 'key', 'agent']);
  });

  it('stays pseudonymous where that is enough', async () => {
    progressive('key', 401);
    const agent = climbing('authorization');
    await agent.fetch(`${API}/data`);
    await agent.fetch(`${API}/data`);
    expect(kinds).toEqual(['key', 'key']);
  });

  it('climbs for each person by itself', async () => {
    progressive('agent', 401);
    const agent = climbing('identity');
    await agent.for('ann').fetch(`${API}/data`);
    await agent.for('bob').fetch(`${API}/data`);
    expect(kinds).toEqual(['key', 'agent', 'key', 'agent']);
  });

  it('is pseudonymous again at another origin that it is redirected to', async () => {
    const other = 'https://other.example';
    await world.addResource(other as typeof API);
    kinds.length = 0;
    world.resource = (seen, caller) => {
      kinds.push(`${new URL(seen.url).host} ${caller.kind}`);
      if (seen.url.startsWith(other)) return new Response('elsewhere');
      if (caller.kind === 'key') return agentAuth({ kind: 'identity' });
      return new Response(null, { status: 307, headers: { Location: `${other}/data` } });
    };
    const options = { scheme: 'hwk', climb: 'identity', allowCrossOriginRedirects: true } as const;
    const response = await world.agent(options).fetch(`${API}/data`);
    expect(await response.text()).toBe('elsewhere');
    expect(kinds).toEqual(['api.example key', 'api.example agent', 'other.example key']);
  });

  it('may be a delegate, that climbs to its agent token', async () => {
    progressive('agent', 401);
    const keys = await loadKeySet({ keys: [await generatePrivateJwk({ kid: 'ephemeral' })] });
    const token = await issueAgentToken(world.agentKeys.current, {
      agent: AGENT,
      delegate: 'worker-7',
      confirmation: keys.current.publicJwk,
      now: world.now,
      tokenId: 'a',
    });
    const agentToken = () => Promise.resolve(token);
    const agent = world.agent({ keys, agentToken, scheme: 'hwk', climb: 'identity' });
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['hwk', 'jwt']);
  });
});

describe('an agent that begins with its identity', () => {
  it('gets no token when it may climb no further, even one that it holds', async () => {
    progressive('token-holder', 401);
    const store = memoryStore();
    await world.agent({ store }).fetch(`${API}/data`);
    await world.agent({ store }).fetch(`${API}/data`);
    expect(kinds).toEqual(['agent', 'token-holder', 'token-holder']);
    const agent = world.agent({ store, climb: 'identity' });
    expect((await agent.fetch(`${API}/data`)).status).toBe(401);
    expect(kinds.slice(3)).toEqual(['agent']);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('asks for a token when its limit is used up and a token has a higher one', async () => {
    progressive('token-holder', 429);
    expect(await (await world.agent().fetch(`${API}/data`)).text()).toBe('welcome');
    expect(kinds).toEqual(['agent', 'token-holder']);
  });
});

describe('settings that contradict each other are refused', () => {
  it.each([
    ['a published key that is never to be shown', { climb: 'signature' as const }, /hwk/],
    [
      'an agent token that is never to be shown',
      { scheme: 'hwk' as const, agentToken: () => Promise.resolve('') },
      /agent token/,
    ],
    ['an unknown level', { climb: 'person' as Climb }, /climb must be/],
  ])('%s', async (_what, change, message) => {
    const error = await rejection(Promise.resolve().then(() => world.agent(change)));
    expect(error.code).toBe('configuration_invalid');
    expect(error.message).toMatch(message);
    expect(world.seen).toEqual([]);
  });
});
