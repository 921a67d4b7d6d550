import { FORM_TYPE, type AAuthError, isAAuthError } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  makeBareKey,
  makeDelegate,
  NOW,
  signedRequest,
  type Signer,
} from '../../protocol/test/kit.js';
import { type AgentList, RESOURCE_TOKEN_PATH, type RouteRequirement } from '../src/index.js';
import { makeLimitedApi, LEVELS, limitedDoors } from './progressive/support.js';
import { type Api, doors, IDENTITY, makeApi, sign, tokenHolder } from './support.js';

const AGENT = 'https://agent.example';
const OTHER = 'https://other.example';

/** Asserts 403 `access_denied` without a way up, nothing minted, and a handler that never ran. */
async function expectDenied(
  made: Pick<Api, 'refused'> & { ran: readonly unknown[] },
  response: Response,
) {
  expect(response.status).toBe(403);
  expect(response.headers.get('agent-auth')).toBeNull();
  expect(response.headers.get('cache-control')).toBe('no-store');
  const body = await response.text();
  expect(JSON.parse(body)).toMatchObject({ error: 'access_denied' });
  expect(body).not.toContain(AGENT);
  expect(made.ran).toEqual([]);
  expect(made.refused).toMatchObject([
    { code: 'access_denied', rule: 'agent_not_admitted', detail: AGENT },
  ]);
}

const identity = (agents: AgentList): RouteRequirement => ({ level: 'identity', agents });
const authorised = (agents: AgentList): RouteRequirement => ({ scopes: ['data.read'], agents });

const callers: [string, (made: Api) => Promise<Signer>][] = [
  ['the agent', async ({ agent }) => agent],
  ['its delegate', ({ agent }) => makeDelegate(agent)],
  ['the agent with a token', (made) => tokenHolder(made)],
  ['its delegate with a token', (made) => tokenHolder(made, { delegate: 'd' })],
];

describe.each(Object.entries(doors))('%s with a list of agents', (_door, open) => {
  describe.each<[string, AgentList, AgentList]>([
    ['that allows', { allow: [OTHER, AGENT] }, { allow: [OTHER] }],
    ['that denies', { deny: [OTHER] }, { deny: [OTHER, AGENT] }],
    ['as a function', (agent) => agent === AGENT, (agent) => agent !== AGENT],
    ['as a slow function', async () => true, async () => false],
  ])('%s', (_kind, admitting, denying) => {
    it.each(callers)('lets %s in or denies it, for an identity', async (_who, signerOf) => {
      const made = await makeApi();
      const signer = await signerOf(made);
      const admitted = await open(made, identity(admitting))(await sign(signer));
      expect(admitted.status).toBe(200);
      expect(made.ran.splice(0)).toHaveLength(1);
      await expectDenied(made, await open(made, identity(denying))(await sign(signer)));
    });

    it.each(callers.slice(2))('lets %s in or denies it, for scopes', async (_who, signerOf) => {
      const made = await makeApi();
      const signer = await signerOf(made);
      const admitted = await open(made, authorised(admitting))(await sign(signer));
      expect(admitted.status).toBe(200);
      expect(made.ran.splice(0)).toHaveLength(1);
      await expectDenied(made, await open(made, authorised(denying))(await sign(signer)));
    });

    it.each(callers.slice(0, 2))(
      'gives %s a resource token or denies it, before any is minted',
      async (_who, signerOf) => {
        const made = await makeApi();
        const signer = await signerOf(made);
        const challenged = await open(made, authorised(admitting))(await sign(signer));
        expect(challenged.headers.get('agent-auth')).toContain('resource_token');
        await expectDenied(made, await open(made, authorised(denying))(await sign(signer)));
      },
    );
  });

  it('denies the holder of an expired token too, with no token to go on with', async () => {
    const made = await makeApi();
    const holder = await tokenHolder(made, { now: NOW - 7_200 });
    const challenged = await open(made, authorised({ deny: [OTHER] }))(await sign(holder));
    expect(challenged.status).toBe(401);
    made.refused.length = 0;
    await expectDenied(made, await open(made, authorised({ deny: [AGENT] }))(await sign(holder)));
  });

  it('asks a bare key for an identity, as without a list', async () => {
    const made = await makeApi();
    const response = await open(
      made,
      identity({ allow: [AGENT] }),
    )(await sign(await makeBareKey()));
    expect([response.status, response.headers.get('agent-auth')]).toEqual([401, IDENTITY]);
    expect(made.ran).toEqual([]);
  });

  it('tells a function the delegate', async () => {
    const made = await makeApi();
    const asked: unknown[] = [];
    const route = open(
      made,
      identity((agent, delegate) => {
        asked.push([agent, delegate]);
        return delegate !== 'bad';
      }),
    );
    expect((await route(await sign(await makeDelegate(made.agent, { sub: 'good' })))).status).toBe(
      200,
    );
    made.ran.length = 0;
    await expectDenied(
      made,
      await route(await sign(await makeDelegate(made.agent, { sub: 'bad' }))),
    );
    expect((await route(await sign(made.agent))).status).toBe(200);
    expect(asked).toEqual([
      [AGENT, 'good'],
      [AGENT, 'bad'],
      [AGENT, undefined],
    ]);
  });

  it.each<[string, AgentList]>([
    ['rejects', () => Promise.reject(new Error('secret of the database'))],
    [
      'throws',
      () => {
        throw new Error('secret of the database');
      },
    ],
  ])('closes the route when a function %s', async (_how, list) => {
    const made = await makeApi();
    const response = await open(made, identity(list))(await sign(made.agent));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await response.text()).not.toContain('secret');
    expect(made.ran).toEqual([]);
  });

  it('lets nobody in for an answer that is not true', async () => {
    const made = await makeApi();
    const list = (() => ({ denied: true })) as unknown as AgentList;
    await expectDenied(made, await open(made, identity(list))(await sign(made.agent)));
  });
});

describe('a list of the whole resource', () => {
  it.each<[string, RouteRequirement]>([
    ['a signature', 'signature'],
    ['an identity', 'identity'],
    ['scopes', { scopes: ['data.read'] }],
  ])('denies agents at a route that asks for %s', async (_what, requirement) => {
    const made = await makeApi({ agents: { deny: [AGENT] } });
    const route = doors['a plain handler']!(made, requirement);
    await expectDenied(made, await route(await sign(made.agent)));
    const open = await makeApi({ agents: { deny: [OTHER] } });
    const same = await doors['a plain handler']!(open, requirement)(await sign(open.agent));
    expect(same.status).not.toBe(403);
  });

  it('denies resource tokens at their endpoint', async () => {
    const ask = async ({ api, agent }: Api) =>
      await api.handle(
        await signedRequest(agent, {
          url: `https://rs.example${RESOURCE_TOKEN_PATH}`,
          body: 'scope=data.read',
          headers: [['Content-Type', FORM_TYPE]],
        }),
      );
    expect((await ask(await makeApi({ agents: { allow: [AGENT] } })))?.status).toBe(200);
    const made = await makeApi({ agents: { allow: [OTHER] } });
    await expectDenied(made, (await ask(made))!);
  });

  it('is narrowed by the list of a route, and widened by none', async () => {
    const made = await makeApi({ agents: { allow: [AGENT] } });
    const route = (agents: AgentList) => doors['a plain handler']!(made, identity(agents));
    expect((await route({ deny: [OTHER] })(await sign(made.agent))).status).toBe(200);
    made.ran.length = 0;
    await expectDenied(made, await route({ deny: [AGENT] })(await sign(made.agent)));
    const closed = await makeApi({ agents: { deny: [AGENT] } });
    const widened = doors['a plain handler']!(closed, identity({ allow: [AGENT] }));
    await expectDenied(closed, await widened(await sign(closed.agent)));
  });

  it('still publishes what everybody may read', async () => {
    const { api } = await makeApi({ agents: { allow: [OTHER] } });
    const response = await api.handle(new Request('https://rs.example/jwks.json'));
    expect(response?.status).toBe(200);
  });
});

describe.each(Object.entries(limitedDoors))(
  '%s with levels and a list of agents',
  (_door, open) => {
    it('denies an agent at every level, and spends no limit of it', async () => {
      const denying = await makeLimitedApi();
      const route = open(denying, { levels: LEVELS, agents: { deny: [AGENT] } });
      for (const signerOf of callers.map(([, of]) => of)) {
        denying.refused.length = 0;
        const signer = await signerOf({ ...denying, ran: [] });
        for (let at = 0; at < 5; at += 1) {
          denying.refused.length = 0;
          await expectDenied(denying, await route(await sign(signer)));
        }
      }
      const admitting = open(denying, { levels: LEVELS, agents: { deny: [OTHER] } });
      expect((await admitting(await sign(denying.agent))).status).toBe(200);
    });
  },
);

describe('a list is refused when the route is made', () => {
  function refusal(act: () => unknown): AAuthError {
    try {
      act();
    } catch (error) {
      if (isAAuthError(error, 'configuration_invalid')) return error;
      throw error;
    }
    throw new Error('accepted');
  }

  it.each<[string, unknown, RegExp]>([
    ['an entry with a path', { allow: [AGENT, `${AGENT}/x`] }, /"https:\/\/agent\.example\/x"/],
    ['an entry in upper case', { deny: ['https://Agent.example'] }, /"https:\/\/Agent\.example"/],
    ['a bare host', { deny: ['agent.example'] }, /"agent\.example" that a list denies/],
    ['a wildcard', { allow: ['https://*.example'] }, /"https:\/\/\*\.example" that a list allows/],
    ['plain http', { allow: ['http://127.0.0.1:8001'] }, /insecureLoopback/],
    ['an entry that is no text', { deny: [7] }, /The agent 7/],
    ['nobody allowed', { allow: [] }, /name at least one/],
    ['both lists', { allow: [AGENT], deny: [OTHER] }, /one of them/],
    ['no array', { deny: AGENT }, /array/],
    ['neither', {}, /array/],
    ['nothing', null, /function/],
  ])('for %s, which the error names', async (_what, agents, message) => {
    const { api } = await makeApi();
    const list = agents as AgentList;
    expect(refusal(() => api.accepts(identity(list))).message).toMatch(message);
    expect(refusal(() => api.accepts(authorised(list))).message).toMatch(message);
    await expect(makeApi({ agents: list })).rejects.toThrow(message);
  });

  it('that allows agents at a route that takes bare keys, whosever list it is', async () => {
    const { api } = await makeApi({ agents: { allow: [AGENT] } });
    expect(refusal(() => api.accepts('signature')).message).toMatch(/level signature/);
    expect(() => api.accepts('identity')).not.toThrow();
    const denying = await makeApi({ agents: { deny: [AGENT] } });
    expect(() => denying.api.accepts('signature')).not.toThrow();
  });

  it('for a requirement that is misspelled', async () => {
    const { api } = await makeApi();
    const misspelled = { level: 'signature' } as unknown as RouteRequirement;
    expect(refusal(() => api.accepts(misspelled)).message).toMatch(/levels/);
  });
});
