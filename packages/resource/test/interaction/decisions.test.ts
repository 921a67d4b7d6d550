import { encodeBase64Url } from '@countersign/httpsig';
import { systemRandom } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { identifier, refusalOf } from '../../../protocol/test/kit.js';
import {
  callerOf,
  connectionKey,
  type InteractionCaller,
} from '../../src/interaction/interaction-caller.js';
import { decideCode } from '../../src/interaction/presented.js';
import { returnUrlProblem, withAnswer } from '../../src/interaction/return-url.js';
import { createSealing } from '../../src/interaction/sealing.js';
import { createInteractions, memoryInteractionStore, type OpenAccess } from '../../src/index.js';
import { makeApi } from '../support.js';
import { call, KEY, makeCalendar, pageOf, visit } from './kit.js';

const agent = identifier('https://agent.example');
const caller: InteractionCaller = { agent, delegate: null, person: null };
const as = identifier('https://as.example');
const foreign = identifier('https://b.example');
const person = { issuer: as, subject: 'ann', subjectIssuer: as };
const others: [string, InteractionCaller][] = [
  ['another agent', { ...caller, agent: identifier('https://other.example') }],
  ['a delegate', { ...caller, delegate: 'd' }],
  ['a person', { ...caller, person }],
  ['a person of another auth server', { ...caller, person: { ...person, issuer: foreign } }],
  [
    'a person whose name was carried over',
    { ...caller, person: { ...person, subjectIssuer: foreign } },
  ],
  ['another person', { ...caller, person: { ...person, subject: 'bob' } }],
];

describe('a code that is presented', () => {
  const code = { connection: 'calendar', caller, expiresAt: 1, data: {} };

  it('is redeemed by the caller it was made for', () => {
    expect(decideCode(code, { ...caller }, 'calendar')).toEqual({ kind: 'redeem' });
  });

  it.each(others)('is left for its owner by %s', (_who, other) => {
    expect(decideCode(code, other, 'calendar')).toEqual({
      kind: 'leave',
      rule: 'interaction_code_caller',
    });
  });

  it('is left where something else is asked for, and where there is none', () => {
    expect(decideCode(code, caller, 'mail').kind).toBe('leave');
    expect(decideCode(undefined, caller, 'calendar').kind).toBe('leave');
  });
});

it('nobody is a caller who has proved no agent, whatever the route lets in', () => {
  const identity = { level: 'identity', scheme: 'jwks', thumbprint: 't', agent } as const;
  const open: OpenAccess[] = [
    { ...identity, delegate: undefined },
    { level: 'signature', scheme: 'hwk', thumbprint: 't' },
    { level: 'unsigned' },
  ];
  expect(open.map((access) => callerOf(access))).toEqual([caller, undefined, undefined]);
});

describe('the key of a connection', () => {
  it('is another for every caller, session and name', async () => {
    const keys = await Promise.all([
      ...[caller, ...others.map(([, one]) => one)].map((one) => connectionKey('a', one, 's')),
      connectionKey('a', caller, 't'),
      connectionKey('b', caller, 's'),
    ]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).not.toContain(undefined);
  });

  it('does not exist for a caller without person and session', async () => {
    expect(await connectionKey('a', caller, undefined)).toBeUndefined();
  });

  it('does not depend on the session where there is a person', async () => {
    const one = { ...caller, person };
    expect(await connectionKey('a', one, 's')).toBe(await connectionKey('a', one, undefined));
  });
});

describe('a return URL', () => {
  const uris = ['https://agent.example/callback', 'not a url'];
  const problem = (url: string, insecureLoopback = false, redirectUris: readonly string[] = uris) =>
    returnUrlProblem(url, redirectUris, { insecureLoopback });

  it.each([
    'https://agent.example/callback?state=s',
    'https://agent.example/elsewhere?state=s&a=%20',
    'https://agent.example/',
  ])('%s is on an origin of the agent', (url) => {
    expect(problem(url)).toBeUndefined();
  });

  it.each([
    ['https://agent.example', 'return_url_malformed'],
    ['https://AGENT.example/', 'return_url_malformed'],
    ['https://agent.example/a b', 'return_url_malformed'],
    ['https://agent.example/ä', 'return_url_malformed'],
    ['https://agent.example/a/../b', 'return_url_malformed'],
    ['https://agent.example:443/', 'return_url_malformed'],
    ['//agent.example/', 'return_url_malformed'],
    ['http://agent.example/', 'return_url_scheme'],
    ['http://127.0.0.1:8001/callback', 'return_url_scheme'],
    ['data:text/html,x', 'return_url_scheme'],
    ['https://u:p@agent.example/', 'return_url_user'],
    ['https://agent.example/#', 'return_url_fragment'],
    ['https://agent.example/?code=1', 'return_url_parameters'],
    ['https://agent.example/?iss=1', 'return_url_parameters'],
    ['https://agent.example.evil.example/', 'return_url_origin'],
    ['https://evil.example/?https://agent.example/', 'return_url_origin'],
  ])('%s is refused: %s', (url, rule) => {
    expect(problem(url)).toBe(rule);
  });

  it('may be plain http on loopback once that was switched on', () => {
    const local = ['http://127.0.0.1:8001/callback'];
    expect(problem('http://127.0.0.1:8001/callback', true, local)).toBeUndefined();
    expect(problem('http://127.0.0.1:8001/callback', false, local)).toBe('return_url_scheme');
    expect(problem('http://127.0.0.1:8009/callback', true, local)).toBe('return_url_origin');
  });

  it('keeps what it has when the answer is added', () => {
    const code = { interaction_code: 'c' };
    expect(withAnswer('https://a.example/?s=%20', code)).toBe(
      'https://a.example/?s=%20&interaction_code=c',
    );
    expect(withAnswer('https://a.example/', code)).toBe('https://a.example/?interaction_code=c');
    expect(withAnswer('https://a.example/?', code)).toBe('https://a.example/?interaction_code=c');
  });
});

describe('a sealing', () => {
  const second = encodeBase64Url(new Uint8Array(32).fill(9));

  it('opens what it sealed, for the record it was sealed for', async () => {
    const sealing = createSealing([KEY], systemRandom);
    const sealed = await sealing.seal('a', { token: 'secret' });
    expect(sealed).not.toContain('secret');
    expect(await sealing.open('a', sealed)).toEqual({ token: 'secret' });
    expect(await sealing.open('b', sealed)).toBeUndefined();
    expect(await sealing.seal('a', { token: 'secret' })).not.toBe(sealed);
  });

  it('opens nothing that was changed, or that is no sealing', async () => {
    const sealing = createSealing([KEY], systemRandom);
    const sealed = await sealing.seal('a', 'x');
    const last = sealed.at(-2) === 'A' ? 'Q' : 'A';
    const changed = [sealed.slice(0, -2) + last + sealed.slice(-1), '', 'a.b', `${sealed}.`];
    for (const one of changed.slice(0, 3)) expect(await sealing.open('a', one)).toBeUndefined();
  });

  it('goes on opening with an older key, and seals with the first', async () => {
    const before = await createSealing([KEY], systemRandom).seal('a', 1);
    const after = createSealing([second, KEY], systemRandom);
    expect(await after.open('a', before)).toBe(1);
    const alone = createSealing([second], systemRandom);
    expect(await alone.open('a', await after.seal('a', 2))).toBe(2);
    expect(await alone.open('a', before)).toBeUndefined();
  });

  it.each([[], ['short'], [`${KEY}=`], [KEY, 'x'.repeat(44)]])(
    'is not made of %j, and the key is in no message',
    (...keys) => {
      try {
        createSealing(keys, systemRandom);
      } catch (error) {
        expect(error).toMatchObject({ code: 'configuration_invalid' });
        for (const key of keys) expect(String(error)).not.toContain(key);
        return;
      }
      throw new Error('it was made');
    },
  );
});

describe('settings that cannot work', () => {
  const options = { store: memoryInteractionStore(), sealingKeys: [KEY] } as const;
  const connection = { name: 'calendar', title: 't', description: 'd', begin: () => never() };

  it.each([
    ['a name in capitals', { name: 'Calendar' }],
    ['no title', { title: ' ' }],
    ['no description', { description: '' }],
    ['a lifetime of seconds', { lifetimeSeconds: 59 }],
    ['a lifetime of years', { lifetimeSeconds: 366 * 86_400 }],
  ])('%s', async (_what, change) => {
    const { api } = await makeApi();
    const interactions = createInteractions(api, options);
    const made = async () => interactions.connection({ ...connection, ...change });
    expect((await refusalOf(made())).code).toBe('configuration_invalid');
    interactions.connection(connection);
  });

  it('the same name twice', async () => {
    const { api } = await makeApi();
    const interactions = createInteractions(api, options);
    interactions.connection(connection);
    const again = async () => interactions.connection(connection);
    expect((await refusalOf(again())).code).toBe('configuration_invalid');
  });

  it('a limit of nothing, and a resource of somebody else', async () => {
    const { api } = await makeApi();
    const none = async () => createInteractions(api, { ...options, maxPendingPerAgent: 0 });
    expect((await refusalOf(none())).code).toBe('configuration_invalid');
    const foreign = async () => createInteractions({ ...api }, options);
    expect((await refusalOf(foreign())).code).toBe('configuration_invalid');
  });
});

function never(): never {
  throw new Error('nobody goes on here');
}

describe('limits', () => {
  it('refuse an agent that leaves too much open, with the time to wait, and nobody else', async () => {
    const api = await makeCalendar({ interactions: { maxPendingPerAgent: 2 } });
    for (let times = 0; times < 2; times++) pageOf(await call(api, api.agent));
    const response = await call(api, api.agent);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('600');
    expect(response.headers.has('agent-auth')).toBe(false);
    expect(api.refused.at(-1)?.rule).toBe('interaction_store_full');
    api.clock.advance(1200);
    pageOf(await call(api, api.agent, {}, { created: api.clock() }));
  });

  it('hold connections of one agent', async () => {
    const api = await makeCalendar({ interactions: { maxConnectionsPerAgent: 1 } });
    const one = await visit(api, await call(api, api.agent));
    expect((await call(api, api.agent, { code: one })).status).toBe(200);
    const two = await visit(api, await call(api, api.agent));
    expect((await call(api, api.agent, { code: two })).status).toBe(429);
    expect(api.used).toHaveLength(1);
  });
});
