import { describe, expect, it } from 'vitest';
import {
  jwksOf,
  makeBareKey,
  makeDelegate,
  makeSigningKey,
  requestOf,
  signedMessage,
  withBrokenSignature,
  withoutHeader,
} from '../../../protocol/test/kit.js';
import { memoryRateLimitStore, type RateLimitCounter } from '../../src/index.js';
import { DATA, IDENTITY, sign, tokenChallenge, tokenHolder } from '../support.js';
import {
  ELSEWHERE,
  exhaust,
  HERE,
  LEVELS,
  limitedDoors,
  makeLimitedApi,
  unsigned,
} from './support.js';

const text = [['Content-Type', 'text/plain']] as const;

describe.each(Object.entries(limitedDoors))('%s with a limit for each level', (_door, open) => {
  it('lets each level in as often as it says, and shows it the way up', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    const bare = await makeBareKey();
    const holder = await tokenHolder({ ...made, ran: [] });
    const climb = [
      { signer: undefined, level: 'unsigned', passed: 1, up: 'httpsig' },
      { signer: bare, level: 'signature', passed: 2, up: IDENTITY },
      { signer: made.agent, level: 'identity', passed: 3, up: 'httpsig; auth-token' },
      { signer: holder, level: 'authorization', passed: 4, up: null },
    ];
    for (const { signer, level, passed, up } of climb) {
      made.ran.length = 0;
      const spent = await exhaust(send, signer);
      expect(spent.passed).toBe(passed);
      expect(made.ran.map((access) => access.level)).toEqual(Array(passed).fill(level));
      const { status, headers } = spent.response;
      expect(status).toBe(429);
      expect(headers.get('retry-after')).toBe('60');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('agent-auth')?.split('; resource_token')[0] ?? null).toBe(up);
      expect(await spent.response.json()).toMatchObject({ error: 'temporarily_unavailable' });
    }
  });

  it('lets them in again when the minute is over, and not a second sooner', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    await exhaust(send, undefined);
    made.clock.advance(59);
    const early = await send(unsigned());
    expect([early.status, early.headers.get('retry-after')]).toEqual([429, '1']);
    made.clock.advance(1);
    expect((await send(unsigned())).status).toBe(200);
  });

  it('mints a resource token for the way up that is good for the agent and its key', async () => {
    const made = await makeLimitedApi();
    const { response } = await exhaust(open(made, { levels: LEVELS }), made.agent);
    expect(response.status).toBe(429);
    expect(tokenChallenge(response)).toMatchObject({
      authServer: 'https://as.example',
      payload: {
        agent: 'https://agent.example',
        agent_jkt: made.agent.key.thumbprint,
        scope: 'data.read',
      },
    });
  });

  it('challenges up to the lowest accepted level when none is accepted at once', async () => {
    const made = await makeLimitedApi();
    const { identity, authorization } = LEVELS;
    const route = open(made, { levels: { unsigned: 'blocked', identity, authorization } });
    const answers = [await route(unsigned()), await route(await sign(await makeBareKey()))];
    expect(answers.map(({ status }) => status)).toEqual([403, 401]);
    for (const answer of answers) expect(answer.headers.get('agent-auth')).toBe(IDENTITY);
    expect(await answers[0]?.json()).toMatchObject({ error: 'access_denied' });
    expect(await answers[1]?.text()).toBe('Identity required');
    expect(made.ran).toEqual([]);
    expect((await route(await sign(made.agent))).status).toBe(200);
  });

  it('answers a blocked level 403 with the way to the next accepted one', async () => {
    const made = await makeLimitedApi();
    const levels = { ...LEVELS, identity: 'blocked' } as const;
    const response = await open(made, { levels })(await sign(made.agent));
    expect(response.status).toBe(403);
    expect(response.headers.has('retry-after')).toBe(false);
    expect(tokenChallenge(response).payload['scope']).toBe('data.read');
    expect(await response.json()).toMatchObject({ error: 'access_denied' });
    expect(made.ran).toEqual([]);
    expect(made.refused).toMatchObject([{ code: 'access_denied', rule: 'level_blocked' }]);
  });

  it('refuses a blocked level without a challenge when nothing is above', async () => {
    const made = await makeLimitedApi();
    const levels = { unsigned: { perMinute: 1 }, identity: 'blocked' } as const;
    const response = await open(made, { levels })(await sign(made.agent));
    expect([response.status, response.headers.get('agent-auth')]).toEqual([403, null]);
    expect(made.ran).toEqual([]);
  });

  it('counts a token with too little scope as its agent', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    const poor = await tokenHolder({ ...made, ran: [] }, { scope: ['data.write'] });
    const { passed, response } = await exhaust(send, poor);
    expect([passed, response.status]).toEqual([3, 429]);
    expect((await send(await sign(made.agent))).status).toBe(429);
  });

  it('tells the holder of an expired token to get a fresh one, and counts nothing', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    const holder = await tokenHolder({ ...made, ran: [] }, { now: made.clock() - 7_200 });
    const response = await send(await sign(holder));
    expect(response.status).toBe(401);
    expect(tokenChallenge(response).payload['scope']).toBe('data.read');
    expect(await response.json()).toMatchObject({ error: 'invalid_token' });
    expect(made.ran).toEqual([]);
    expect((await exhaust(send, made.agent)).passed).toBe(3);
  });

  it.each([
    ['broken', withBrokenSignature],
    ['incomplete', (message) => withoutHeader(message, 'signature')],
  ] satisfies [string, typeof withBrokenSignature][])(
    'refuses a %s signature, although unsigned requests are let in, and spends nobody’s limit',
    async (_what, mutate) => {
      const made = await makeLimitedApi();
      const send = open(made, { levels: LEVELS });
      for (let at = 0; at < 5; at += 1) {
        const message = mutate(await signedMessage(made.agent, { url: DATA }));
        const response = await send(requestOf(message, 'https://rs.example'));
        expect([response.status, response.headers.get('agent-auth')]).toEqual([401, 'httpsig']);
        expect(await response.json()).toMatchObject({ error: 'invalid_signature' });
      }
      expect(made.ran).toEqual([]);
      expect((await exhaust(send, made.agent)).passed).toBe(3);
      expect((await exhaust(send, undefined)).passed).toBe(1);
    },
  );

  it('does not let another key spend the limit of an agent whose name it writes', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    const impostor = { key: await makeSigningKey(), signatureKey: jwksOf(made.agent) };
    for (let at = 0; at < 5; at += 1) {
      expect((await send(await sign(impostor))).status).toBe(401);
    }
    expect(made.ran).toEqual([]);
    expect((await exhaust(send, made.agent)).passed).toBe(3);
  });

  it('counts a repeated request neither way: the repeat is refused', async () => {
    const made = await makeLimitedApi();
    const send = open(made, { levels: LEVELS });
    const again = async () =>
      await sign(made.agent, { method: 'DELETE', headers: [['Nonce', 'n'.repeat(16)]] });
    const [first, repeat] = [await again(), await again()];
    expect((await send(first)).status).toBe(200);
    expect((await send(repeat)).status).toBe(401);
    expect((await exhaust(send, made.agent)).passed).toBe(2);
  });

  it('hands on the body of an unsigned request, and refuses one that is too long', async () => {
    const made = await makeLimitedApi({ maxBodyBytes: 8 });
    const levels = { unsigned: { perMinute: 9 } };
    const send = open(made, { levels });
    const post = (body: string) => send(unsigned({ method: 'POST', body }));
    expect((await post('12345678')).status).toBe(200);
    expect((await post('123456789')).status).toBe(413);
    expect(made.ran).toHaveLength(1);
    const signed = await sign(await makeBareKey(), { body: '123456789', headers: text });
    expect((await send(signed)).status).toBe(413);
  });
});

const plain = limitedDoors['a plain handler']!;

describe('callers are counted', () => {
  it('by address when they do not sign, an IPv6 address by its /64', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    const status = async (address: string) => (await send(unsigned(), address)).status;
    expect(await status(HERE)).toBe(200);
    expect(await status(`::ffff:${HERE}`)).toBe(429);
    expect(await status(ELSEWHERE)).toBe(200);
    expect(await status('2001:db8:1:2::1')).toBe(200);
    expect(await status('2001:db8:1:2:ffff::9')).toBe(429);
    expect(await status('2001:db8:1:3::1')).toBe(200);
  });

  it('by key when they sign, wherever they come from', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    const bare = await makeBareKey();
    expect((await exhaust(send, bare, HERE)).passed).toBe(2);
    expect((await exhaust(send, bare, ELSEWHERE)).passed).toBe(0);
    expect((await exhaust(send, await makeBareKey(), ELSEWHERE)).passed).toBe(2);
  });

  it('all bare keys of one address together: a new key is no new limit', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    const codes: number[] = [];
    for (let at = 0; at < 4; at += 1) {
      codes.push((await send(await sign(await makeBareKey()))).status);
    }
    expect(codes).toEqual([200, 200, 429, 429]);
    expect((await send(await sign(await makeBareKey()), ELSEWHERE)).status).toBe(200);
  });

  it('bare keys of one address up to what they may do together', async () => {
    const made = await makeLimitedApi();
    const signature = { perMinute: 2, perMinuteTogether: 5 };
    const send = plain(made, { levels: { ...LEVELS, signature } });
    const passed: number[] = [];
    for (let at = 0; at < 4; at += 1) {
      passed.push((await exhaust(send, await makeBareKey())).passed);
    }
    expect(passed).toEqual([2, 2, 1, 0]);
  });

  it('a key whose own limit is used up spends nothing of what its address has left', async () => {
    const made = await makeLimitedApi();
    const signature = { perMinute: 1, perMinuteTogether: 3 };
    const send = plain(made, { levels: { ...LEVELS, signature } });
    const greedy = await makeBareKey();
    for (let at = 0; at < 6; at += 1) await send(await sign(greedy));
    expect((await exhaust(send, await makeBareKey())).passed).toBe(1);
    expect((await exhaust(send, await makeBareKey())).passed).toBe(1);
  });

  it('agents by name, and not by address', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    expect((await exhaust(send, made.agent, HERE)).passed).toBe(3);
    expect((await exhaust(send, made.agent, ELSEWHERE)).passed).toBe(0);
  });

  it('all delegates of one agent together: a new delegate is no new limit', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    await exhaust(send, await makeDelegate(made.agent, { sub: 'one' }));
    const other = await makeDelegate(made.agent, { sub: 'two' });
    expect((await exhaust(send, other)).passed).toBe(0);
  });

  it('delegates each by itself where the agent may do more together', async () => {
    const made = await makeLimitedApi();
    const identity = { perMinute: 3, perMinuteTogether: 5 };
    const send = plain(made, { levels: { ...LEVELS, identity } });
    const passed: number[] = [];
    for (const sub of ['one', 'two', 'three']) {
      passed.push((await exhaust(send, await makeDelegate(made.agent, { sub }))).passed);
    }
    expect(passed).toEqual([3, 2, 0]);
  });

  it('authorised agents for each person by itself', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    const at = { ...made, ran: [] };
    for (const subject of ['ann', 'bob']) {
      const { passed } = await exhaust(send, await tokenHolder(at, { subject }));
      expect(passed).toBe(4);
    }
    const ann = await tokenHolder(at, { subject: 'ann', delegate: 'another' });
    expect((await exhaust(send, ann)).passed).toBe(0);
  });

  it('people of two auth servers apart, also where an exchange carried a name over', async () => {
    const made = await makeLimitedApi();
    const send = plain(made, { levels: LEVELS });
    const at = { ...made, ran: [] };
    const act = { agent: 'https://a.example', sub: 'ann', iss: 'https://home.example' };
    for (const more of [{}, { claims: { act } }]) {
      const { passed } = await exhaust(send, await tokenHolder(at, { subject: 'ann', ...more }));
      expect(passed).toBe(4);
    }
  });

  it('together at routes with the very same levels, apart where a route names a counter', async () => {
    const made = await makeLimitedApi();
    const passes = async (requirement: Parameters<typeof plain>[1]) =>
      (await exhaust(plain(made, requirement), undefined)).passed;
    const { unsigned: first, ...others } = LEVELS;
    expect(await passes({ levels: LEVELS })).toBe(1);
    expect(await passes({ levels: { ...others, unsigned: { ...first } } })).toBe(0);
    expect(await passes({ levels: { ...others, unsigned: { perMinute: 2 } } })).toBe(2);
    expect(await passes({ levels: LEVELS, counter: 'search' })).toBe(1);
    expect(await passes({ levels: LEVELS, counter: 'search' })).toBe(0);
  });

  it('under names that give nothing away', async () => {
    const seen: RateLimitCounter[] = [];
    const store = memoryRateLimitStore();
    const made = await makeLimitedApi({
      rateLimits: {
        take: (counters, now) => {
          seen.push(...counters);
          return store.take(counters, now);
        },
      },
    });
    const send = plain(made, { levels: LEVELS });
    await send(unsigned());
    await send(await sign(await makeBareKey()));
    await send(await sign(made.agent));
    expect(seen.map(({ part }) => part)).toEqual(['strangers', 'strangers', 'strangers', 'agents']);
    for (const { key } of seen) expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(4);
  });
});

describe('what a resource must be told', () => {
  it('a request that is counted by address and comes without one is a fault of the program', async () => {
    const made = await makeLimitedApi();
    const route = made.api.guard({ levels: LEVELS }, (_request, access) => {
      made.ran.push(access);
      return new Response('done');
    });
    const response = await route(unsigned(), { remoteAddress: undefined });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('address');
    expect(made.ran).toEqual([]);
    expect(made.refused).toMatchObject([
      { code: 'configuration_invalid', rule: 'remote_address_missing' },
    ]);
    // Who is known by name needs none.
    const known = await route(await sign(made.agent), { remoteAddress: undefined });
    expect(known.status).toBe(200);
  });

  it('a store that cannot be reached closes the route, and says when to come again', async () => {
    const rateLimits = { take: () => Promise.reject(new Error('secret of the database')) };
    const made = await makeLimitedApi({ rateLimits });
    const response = await plain(made, { levels: LEVELS })(unsigned());
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
    expect(response.headers.has('agent-auth')).toBe(false);
    expect(await response.text()).not.toContain('secret');
    expect(made.ran).toEqual([]);
    expect(made.refused).toMatchObject([{ rule: 'rate_limit_store_unreachable' }]);
  });

  it('verify gives the same without a guard', async () => {
    const made = await makeLimitedApi();
    const message = { method: 'GET', target: '/data', headers: [['Host', 'rs.example']] } as const;
    const ask = () => made.api.verify(message, { levels: LEVELS }, { remoteAddress: HERE });
    expect(await ask()).toEqual({ type: 'access', access: { level: 'unsigned' } });
    expect(await ask()).toMatchObject({
      type: 'challenge',
      challenge: { kind: 'signature' },
      error: { code: 'too_many_requests', rule: 'limit_unsigned', retryAfterSeconds: 60 },
    });
  });
});
