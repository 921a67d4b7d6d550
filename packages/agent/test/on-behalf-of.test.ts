import { beforeEach, describe, expect, it } from 'vitest';
import { importVerificationKey, messageFromRequest } from '@countersign/httpsig';
import {
  type AAuthError,
  createExchangeVerifier,
  isAAuthError,
  issueAuthToken,
  type ServerIdentifier,
  type VerifiedAuthToken,
  type VerifiedExchange,
  verifyAuthToken,
} from '@countersign/protocol';
import { upstreamTokenText } from '@countersign/protocol';
import { UpstreamSessions } from '../src/upstream-sessions.js';
import {
  AGENT,
  API,
  AUTH,
  identifier,
  json,
  keysOf,
  NOW,
  rejection,
  type Seen,
  tokenOf,
  World,
} from './world.js';

const CLIENT = identifier('https://client.example');
const AWAY = identifier('https://away.example');

let world: World;
/** The exchanges that an auth server has verified in full. */
let exchanges: VerifiedExchange[];
/** Answers instead of granting. */
let refusing: (() => Response | Promise<Response>) | undefined;
let lifetime: number;

beforeEach(async () => {
  world = await World.create();
  exchanges = [];
  refusing = undefined;
  lifetime = 3600;
  await addExchange(AUTH);
});

/** An auth server that verifies exchanges for real and grants them. */
async function addExchange(id: ServerIdentifier): Promise<void> {
  await world.addAuthServer(id);
  const keys = await keysOf(`auth ${id}`);
  const verify = createExchangeVerifier({
    id,
    clock: world.clock,
    discovery: world.discovery,
    ownKey: async (kid) =>
      kid === keys.current.kid ? await importVerificationKey(keys.current.publicJwk) : undefined,
    trustedIssuers: [AUTH],
  });
  world.handlers.set(id, async (request) => {
    const exchange = await verify(await messageFromRequest(request));
    exchanges.push(exchange);
    if (refusing !== undefined) return await refusing();
    const token = await issueAuthToken(keys.current, {
      issuer: id,
      audience: exchange.resourceToken.resource,
      confirmation: exchange.key.jwk,
      scope: exchange.resourceToken.scope,
      agent: exchange.caller,
      subject: exchange.upstream.subject,
      now: world.now,
      tokenId: `exchanged-${exchanges.length}`,
      lifetimeSeconds: lifetime,
    });
    // A refresh token is against the protocol here, and of no use.
    const more = { token_type: 'Bearer', refresh_token: 'never' };
    return json({ auth_token: token, expires_in: lifetime, ...more });
  });
}

/** What a handler of this API is called with: a token for it, that a person approved for a client. */
async function access(
  more: { sub?: string; audience?: ServerIdentifier; seconds?: number } = {},
): Promise<{ level: 'authorization'; token: VerifiedAuthToken }> {
  const { sub = 'ada', audience = AGENT, seconds = 3600 } = more;
  const client = await keysOf('client');
  const auth = await keysOf(`auth ${AUTH}`);
  const text = await issueAuthToken(auth.current, {
    issuer: AUTH,
    audience,
    confirmation: client.current.publicJwk,
    agent: CLIENT,
    subject: sub,
    scope: ['report.read'],
    now: world.now,
    tokenId: `upstream-${sub}`,
    lifetimeSeconds: seconds,
  });
  const verified = await verifyAuthToken(text, {
    now: world.now,
    audience,
    trustedIssuers: [AUTH],
    findKey: async () => await importVerificationKey(auth.current.publicJwk),
  });
  if (verified.state !== 'valid') throw new Error('expired');
  return { level: 'authorization', token: verified.token };
}

/** The person that each request to a resource was made for. */
const people = (seen: readonly Seen[]) => seen.map((one) => tokenOf(one)?.['sub']);

describe('agent.onBehalfOf', () => {
  it('calls as this resource, exchanges the token it was called with, and gets in', async () => {
    const agent = world.agent();
    const response = await agent.onBehalfOf(await access()).fetch(`${API}/items`);
    expect([response.status, await response.text()]).toEqual([200, 'welcome']);
    const [first, second] = world.to(API);
    expect(first?.signatureKey).toContain(`scheme=jwks id="${AGENT}"`);
    expect(first?.signatureKey).toContain('well-known="aauth-agent"');
    expect(second?.scheme).toBe('jwt');
    expect(people([second!])).toEqual(['ada']);
    const [form] = world.to(AUTH).map(({ body }) => [...new URLSearchParams(body).keys()]);
    expect(form).toEqual(['request_type', 'resource_token']);
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]).toMatchObject({ caller: AGENT, upstream: { subject: 'ada' } });
  });

  it('shows who calls from the first request on, also where the agent begins with its bare key', async () => {
    const agent = world.agent({ scheme: 'hwk', climb: 'authorization' });
    const response = await agent.onBehalfOf(await access()).fetch(`${API}/items`);
    expect(response.status).toBe(200);
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks', 'jwt']);
  });

  it('keeps what it got for the same token, and asks neither challenge nor exchange again', async () => {
    const agent = world.agent();
    const upstream = await access();
    await agent.onBehalfOf(upstream).fetch(`${API}/items`);
    world.seen.length = 0;
    await agent.onBehalfOf(upstream).fetch(`${API}/items`);
    expect(world.seen.map(({ url, scheme }) => [url, scheme])).toEqual([[`${API}/items`, 'jwt']]);
  });

  it('knows the same token again when it was verified anew', async () => {
    const agent = world.agent();
    await agent.onBehalfOf(await access()).fetch(`${API}/items`);
    const again = await access();
    world.seen.length = 0;
    await agent.onBehalfOf(again).fetch(`${API}/items`);
    // An Ed25519 token of the same claims has the same text.
    expect(world.seen).toHaveLength(1);
  });

  it('shares nothing between two people, nor with the agent itself or one it serves', async () => {
    const agent = world.agent();
    await agent.onBehalfOf(await access()).fetch(`${API}/items`);
    await agent.onBehalfOf(await access({ sub: 'ben' })).fetch(`${API}/items`);
    expect(people(world.to(API).filter(({ scheme }) => scheme === 'jwt'))).toEqual(['ada', 'ben']);
    expect(exchanges.map(({ upstream }) => upstream.subject)).toEqual(['ada', 'ben']);
    world.seen.length = 0;
    // Its own auth server's handler verifies exchanges only: an ordinary request is refused there.
    for (const own of [agent, agent.for('ada')]) {
      await own.fetch(`${API}/items`).catch(() => undefined);
    }
    expect(world.to(API).map(({ scheme }) => scheme)).toEqual(['jwks', 'jwks']);
  });

  it('makes one exchange for concurrent calls of one person, and one for each person', async () => {
    const agent = world.agent();
    const [ada, ben] = [await access(), await access({ sub: 'ben' })];
    const calls = [ada, ben, ada, ben, ada, ada].map((one) =>
      agent.onBehalfOf(one).fetch(`${API}/items`),
    );
    const responses = await Promise.all(calls);
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(new Set(exchanges.map(({ upstream }) => upstream.subject))).toEqual(
      new Set(['ada', 'ben']),
    );
    expect(exchanges).toHaveLength(2);
  });

  it('keeps nothing longer than the token it was called with, whatever it was given', async () => {
    const agent = world.agent();
    const upstream = await access({ seconds: 100 });
    lifetime = 3600;
    await agent.onBehalfOf(upstream).fetch(`${API}/items`);
    world.now = NOW + 95;
    await agent.onBehalfOf(upstream).fetch(`${API}/items`);
    // Too close to the end to be used again.
    expect(world.tokenRequests()).toEqual(['exchange', 'exchange']);
    world.now = NOW + 100;
    world.seen.length = 0;
    const error = await rejection(agent.onBehalfOf(upstream).fetch(`${API}/items`));
    expect([error.code, error.rule]).toEqual(['invalid_token', 'upstream_expired']);
    expect(world.seen).toEqual([]);
  });

  it.each([
    ['access_denied', 403],
    ['invalid_token', 401],
    ['invalid_request', 400],
  ])('rejects with %s when the auth server refuses so, and keeps nothing', async (code, status) => {
    const agent = world.agent();
    const upstream = await access();
    refusing = () => json({ error: code, error_description: 'No.' }, status);
    const error = await rejection(agent.onBehalfOf(upstream).fetch(`${API}/items`));
    expect(isAAuthError(error)).toBe(true);
    expect(error.code).toBe(code);
    expect(world.to(API)).toHaveLength(1);
    refusing = undefined;
    expect((await agent.onBehalfOf(upstream).fetch(`${API}/items`)).status).toBe(200);
  });

  it('rejects when the auth server wants a person', async () => {
    const agent = world.agent();
    const upstream = await access();
    refusing = () => json({ request_token: 'r', expires_in: 600 });
    expect((await rejection(agent.onBehalfOf(upstream).fetch(`${API}/items`))).code).toBe(
      'response_invalid',
    );
    expect(world.asked).toEqual([]);
  });

  it('exchanges at the auth server that the challenge names, where it may see such tokens', async () => {
    await addExchange(AWAY);
    world.authServer = AWAY;
    const agent = world.agent({ exchangeAt: [AWAY] });
    const response = await agent.onBehalfOf(await access()).fetch(`${API}/items`);
    expect(response.status).toBe(200);
    expect(world.to(AUTH)).toEqual([]);
    expect(world.to(AWAY)).toHaveLength(1);
  });

  it('shows the token it was called with to no other auth server that a resource names', async () => {
    await addExchange(AWAY);
    world.authServer = AWAY;
    const agent = world.agent();
    const error = await rejection(agent.onBehalfOf(await access()).fetch(`${API}/items`));
    expect([error.code, error.rule]).toEqual(['challenge_refused', 'exchange_elsewhere']);
    expect(world.to(AWAY)).toEqual([]);
    expect(exchanges).toEqual([]);
    const wrong = { exchangeAt: ['https://away.example/'] };
    expect(() => world.agent(wrong)).toThrow('Each auth server of exchangeAt');
  });

  it('sends the token it was called with to the auth server only', async () => {
    const upstream = await access();
    await world.agent().onBehalfOf(upstream).fetch(`${API}/items`);
    const text = upstreamTokenText(upstream.token) ?? '';
    const carrying = world.seen.filter(({ signatureKey }) => signatureKey.includes(text));
    expect(carrying.map(({ url }) => url)).toEqual([`${AUTH}/agent/token`]);
  });

  it('does not send the person anywhere: they are not here', async () => {
    world.resource = () =>
      new Response('', {
        status: 401,
        headers: { 'Agent-Auth': `httpsig; user_interaction="${API}/page"` },
      });
    const error = await rejection(
      world
        .agent()
        .onBehalfOf(await access())
        .fetch(`${API}/items`),
    );
    expect([error.code, error.rule]).toEqual(['challenge_refused', 'person_absent']);
    expect(world.asked).toEqual([]);
  });

  it('checks the challenge as every other one', async () => {
    world.resourceClaims = { agent: CLIENT };
    const error = await rejection(
      world
        .agent()
        .onBehalfOf(await access())
        .fetch(`${API}/items`),
    );
    expect([error.code, error.rule]).toEqual(['challenge_refused', 'agent_other']);
    expect(world.to(AUTH)).toEqual([]);
  });
});

describe('agent.onBehalfOf refuses at once', () => {
  const refusal = (run: () => unknown): AAuthError => {
    try {
      run();
    } catch (error) {
      return error as AAuthError;
    }
    throw new Error('not refused');
  };

  it('access to another resource than the agent', async () => {
    const elsewhere = await access({ audience: API });
    const { code, message } = refusal(() => world.agent().onBehalfOf(elsewhere));
    expect(code).toBe('configuration_invalid');
    expect(message).toContain('same identifier');
  });

  it('a copy of the access, which has no token text', async () => {
    const { token } = await access();
    const copy = { token: { ...token } };
    expect(refusal(() => world.agent().onBehalfOf(copy)).message).toContain('not a copy');
  });

  it('an agent without a published key, or one that may not prove enough', async () => {
    const upstream = await access();
    const delegate = world.agent({ agentToken: () => Promise.resolve('') });
    for (const agent of [
      world.agent({ scheme: 'hwk' }),
      world.agent({ climb: 'identity' }),
      delegate,
    ]) {
      expect(refusal(() => agent.onBehalfOf(upstream)).code).toBe('configuration_invalid');
    }
  });
});

describe('The access that a handler holds', () => {
  it('shows its token’s text in no log, copy or JSON', async () => {
    const { token } = await access();
    const text = upstreamTokenText(token) ?? '';
    expect(text.split('.')).toHaveLength(3);
    const { inspect } = await import('node:util');
    const [, , signature = '-'] = text.split('.');
    for (const shown of [
      JSON.stringify(token),
      inspect(token, { depth: null, showHidden: true }),
      Reflect.ownKeys(token).join(),
    ]) {
      expect(shown).not.toContain(signature);
    }
    expect(upstreamTokenText({ ...token })).toBeUndefined();
  });
});

describe('What is kept for upstream tokens', () => {
  it('has a bound: the one unused for longest goes first', () => {
    const sessions = new UpstreamSessions(3);
    const [a, b] = ['a', 'b', 'c'].map((hash) => sessions.open(hash, NOW + 100, NOW));
    expect(sessions.open('a', NOW + 100, NOW)).toBe(a);
    sessions.open('d', NOW + 100, NOW);
    expect(sessions.size).toBe(3);
    expect(sessions.open('a', NOW + 100, NOW)).toBe(a);
    expect(sessions.open('b', NOW + 100, NOW)).not.toBe(b);
  });

  it('is forgotten when it is over', () => {
    const sessions = new UpstreamSessions();
    for (let index = 0; index < 50; index++) sessions.open(`old ${index}`, NOW + 10, NOW);
    for (let index = 0; index < 50; index++) sessions.open(`new ${index}`, NOW + 100, NOW + 10);
    expect(sessions.size).toBe(50);
  });
});
