import {
  issueResourceToken,
  parseServerIdentifier,
  serializeChallenge,
} from '@countersign/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HeldToken } from '../src/held-token.js';
import { type Answer, begin, react, type Situation } from '../src/reaction.js';
import { AGENT, API, AUTH, identifier, keysOf, NOW, SCOPE } from './world.js';

let situation: Situation;
let held: HeldToken;
let resourceToken: string;
let thumbprint: string;

async function mint(
  changed: Partial<Parameters<typeof issueResourceToken>[1]> = {},
): Promise<string> {
  return await issueResourceToken((await keysOf('resource')).current, {
    resource: API,
    authServer: AUTH,
    agent: AGENT,
    agentThumbprint: thumbprint,
    scope: SCOPE,
    now: NOW,
    tokenId: 't',
    ...changed,
  });
}

beforeAll(async () => {
  const keys = await keysOf('key-1');
  thumbprint = keys.current.thumbprint;
  held = {
    resource: API,
    authServer: AUTH,
    token: 'one',
    expiresAt: NOW + 3600,
    scope: SCOPE,
    agent: AGENT,
    keyThumbprint: thumbprint,
  };
  situation = {
    resource: API,
    agent: AGENT,
    keyThumbprint: thumbprint,
    now: NOW,
    signing: { by: 'identity' },
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
  };
  resourceToken = await mint();
});

const answer = (agentAuth: string | null, status = 401): Answer => ({
  status,
  agentAuth,
  location: null,
});
const accessChallenge = (token = resourceToken, authServer: string = AUTH): string =>
  serializeChallenge({ kind: 'auth-token', resourceToken: token, authServer });

describe('begin', () => {
  const own = () => situation;

  it('uses a token at once, the newest first', () => {
    const older = { ...held, token: 'older' };
    expect(begin({ ...own(), held: [held, older] })).toEqual({ by: 'token', token: held });
  });

  it.each<[string, Partial<HeldToken>]>([
    ['ends within ten seconds', { expiresAt: NOW + 10 }],
    ['is bound to another key', { keyThumbprint: 'other' }],
    ['was issued to another agent', { agent: AUTH }],
  ])('does not use a token that %s', (_, change) => {
    expect(begin({ ...own(), held: [{ ...held, ...change }] })).toEqual({ by: 'identity' });
  });

  it('uses a token that ends in eleven seconds', () => {
    const last = { ...held, expiresAt: NOW + 11 };
    expect(begin({ ...own(), held: [last] })).toEqual({ by: 'token', token: last });
  });

  it('renews a token that has run out, even one of a former key, but not twice', () => {
    const old = { ...held, expiresAt: NOW - 1, refreshToken: 'r', keyThumbprint: 'former' };
    expect(begin({ ...own(), held: [old] })).toEqual({ by: 'refresh', token: old });
    expect(begin({ ...own(), held: [old], refreshed: new Set(['r']) })).toEqual({ by: 'identity' });
  });
});

describe('react', () => {
  it.each([200, 204, 400, 404, 500, 503])('delivers %i, whatever it carries', (status) => {
    expect(react(answer(accessChallenge(), status), situation).kind).toBe('deliver');
  });

  it.each([401, 403, 429])('delivers %i without a challenge', (status) => {
    expect(react(answer(null, status), situation).kind).toBe('deliver');
  });

  it.each([401, 403, 429])('asks for a token when %i says so', (status) => {
    expect(react(answer(accessChallenge(), status), situation)).toEqual({
      kind: 'ask-for-token',
      request: {
        resource: API,
        authServer: AUTH,
        resourceToken,
        scope: SCOPE,
        authRequestUrl: undefined,
      },
    });
  });

  it('delivers any challenge to a pseudonymous agent', () => {
    const keyed: Situation = { ...situation, signing: { by: 'key' }, climb: 'signature' };
    for (const header of ['httpsig', 'httpsig; identity=?1', accessChallenge()]) {
      expect(react(answer(header), keyed).kind).toBe('deliver');
    }
  });

  it('shows the identity when a token is answered with 401 httpsig, and only then', () => {
    const withToken: Situation = { ...situation, signing: { by: 'token', token: held } };
    for (const header of ['httpsig', 'httpsig; identity=?1', 'httpsig; identity=?1;algs=("x")']) {
      expect(react(answer(header), withToken).kind).toBe('retry-with-identity');
      expect(react(answer(header, 403), withToken).kind).toBe('deliver');
      expect(react(answer(header), situation).kind).toBe('deliver');
    }
  });

  it('delivers 429 to a token that covers what is asked: only waiting helps', () => {
    const withToken: Situation = { ...situation, signing: { by: 'token', token: held } };
    expect(react(answer(accessChallenge(), 429), withToken).kind).toBe('deliver');
    const less: Situation = {
      ...situation,
      signing: { by: 'token', token: { ...held, scope: ['data.read'] } },
    };
    expect(react(answer(accessChallenge(), 429), less).kind).toBe('ask-for-token');
  });

  it('tries a token it holds before asking, unless it was sent, does not cover, has run out or is of another server', () => {
    const challenge = answer(accessChallenge());
    expect(react(challenge, { ...situation, held: [held] })).toEqual({
      kind: 'retry-with-token',
      token: held,
      request: expect.objectContaining({ scope: SCOPE }),
    });
    const others = [
      { held: [held], sent: new Set(['one']) },
      { held: [{ ...held, scope: ['data.read'] }] },
      { held: [{ ...held, expiresAt: NOW }] },
      { held: [{ ...held, authServer: identifier('https://other.example') }] },
      { held: [{ ...held, authRequestUrl: `${API}/request` }] },
    ];
    for (const other of others) {
      expect(react(challenge, { ...situation, ...other }).kind).toBe('ask-for-token');
    }
  });

  it('renews on 401 and drops the token that was refused', () => {
    const renewable = { ...held, refreshToken: 'r' };
    const refused: Situation = {
      ...situation,
      signing: { by: 'token', token: renewable },
      held: [renewable],
      sent: new Set(['one']),
    };
    const challenge = answer(accessChallenge());
    expect(react(challenge, refused)).toEqual({
      kind: 'refresh-token',
      token: renewable,
      request: expect.objectContaining({ scope: SCOPE }),
      drop: renewable,
    });
    expect(react(challenge, { ...refused, refreshed: new Set(['r']) })).toMatchObject({
      kind: 'ask-for-token',
      drop: renewable,
    });
  });

  it('keeps the token and asks for more scope on 403: renewing would bring none', () => {
    const renewable = { ...held, refreshToken: 'r', scope: ['data.read'] };
    const step = react(answer(accessChallenge(), 403), {
      ...situation,
      signing: { by: 'token', token: renewable },
      held: [renewable],
      sent: new Set(['one']),
    });
    expect(step.kind).toBe('ask-for-token');
    expect(step).not.toHaveProperty('drop');
  });

  it('asks twice and not a third time', () => {
    const challenge = answer(accessChallenge());
    expect(react(challenge, { ...situation, freshTokens: 1 }).kind).toBe('ask-for-token');
    expect(react(challenge, { ...situation, freshTokens: 2 })).toMatchObject({
      kind: 'give-up',
      error: { code: 'challenge_unmet' },
    });
  });

  it('sends the person to a page on the resource called, twice at most', () => {
    const challenge = answer(
      serializeChallenge({ kind: 'interaction', url: `${API}/connect?a=1` }),
    );
    expect(react(challenge, situation)).toEqual({ kind: 'send-person', url: `${API}/connect?a=1` });
    expect(react(challenge, { ...situation, visits: 2 })).toMatchObject({
      error: { code: 'challenge_unmet' },
    });
  });

  it.each([
    'https://evil.example/',
    'https://api.example.evil.example/',
    'http://api.example/',
    '/connect',
    `${API}/#x`,
  ])('refuses to send the person to %s', (url) => {
    expect(
      react(answer(serializeChallenge({ kind: 'interaction', url })), situation),
    ).toMatchObject({
      kind: 'give-up',
      error: { code: 'challenge_refused', rule: 'user_interaction_origin' },
    });
  });

  it.each([
    '',
    'httpsig,httpsig',
    'bearer',
    'httpsig; auth-token',
    'httpsig; auth-token; resource_token="x"',
  ])('gives up on a challenge that cannot be understood: %s', (header) => {
    expect(react(answer(header), situation)).toMatchObject({
      kind: 'give-up',
      error: { code: 'challenge_refused' },
    });
  });
});

describe('the checks before a challenge is acted on', () => {
  const other = 'https://other.example';

  it.each<[string, Partial<Parameters<typeof issueResourceToken>[1]>, string, string]>([
    ['of another resource', { resource: identifier(other) }, AUTH, 'resource_other'],
    ['for another agent', { agent: identifier(other) }, AUTH, 'agent_other'],
    ['for another key', { agentThumbprint: 'x'.repeat(43) }, AUTH, 'agent_jkt_other'],
    [
      'for another auth server than named',
      { authServer: identifier(other) },
      AUTH,
      'auth_server_other',
    ],
    ['naming another auth server', {}, other, 'auth_server_other'],
    ['naming the auth server with a slash', {}, `${AUTH}/`, 'auth_server_other'],
    ['expired eleven seconds ago', { now: NOW - 611 }, AUTH, 'resource_token_expired'],
    [
      'whose auth server is plain http',
      { authServer: 'http://127.0.0.1:8003' as never },
      'http://127.0.0.1:8003',
      'resource_token_invalid',
    ],
    [
      'whose auth server is no origin',
      { authServer: `${AUTH}/x` as never },
      `${AUTH}/x`,
      'resource_token_invalid',
    ],
  ])('refuse a resource token %s', async (_, claims, authServer, rule) => {
    expect(react(answer(accessChallenge(await mint(claims), authServer)), situation)).toMatchObject(
      {
        kind: 'give-up',
        error: { code: 'challenge_refused', rule },
      },
    );
  });

  it('refuse a token of another type', async () => {
    const { issueAgentToken } = await import('@countersign/protocol');
    const keys = await keysOf('key-1');
    const token = await issueAgentToken(keys.current, {
      agent: AGENT,
      delegate: 'd',
      confirmation: keys.current.publicJwk,
      now: NOW,
      tokenId: 'x',
    });
    expect(react(answer(accessChallenge(token)), situation)).toMatchObject({
      error: { rule: 'resource_token_invalid' },
    });
  });

  it('allow ten seconds of clock difference', async () => {
    const late = await mint({ now: NOW - 605 });
    expect(react(answer(accessChallenge(late)), situation).kind).toBe('ask-for-token');
  });

  it('accept a loopback auth server when insecure loopback is on', async () => {
    const local = parseServerIdentifier('http://127.0.0.1:8003', 'x', { insecureLoopback: true });
    const challenge = accessChallenge(await mint({ authServer: local }), local);
    expect(react(answer(challenge), { ...situation, insecureLoopback: true }).kind).toBe(
      'ask-for-token',
    );
  });

  it('never put the token into the error', () => {
    const step = react(answer(accessChallenge(resourceToken, 'https://x.example')), situation);
    expect(JSON.stringify(step, Object.getOwnPropertyNames(Error.prototype))).not.toContain(
      resourceToken,
    );
    expect(step).toMatchObject({ kind: 'give-up' });
  });
});
