import { beforeEach, describe, expect, it } from 'vitest';
import {
  type AAuthError,
  decodeJws,
  issueAgentToken,
  type KeySet,
  parseStrictJson,
} from '@countersign/protocol';
import { makeKeys, type TestClock } from '../../protocol/test/kit.js';
import {
  createAgent,
  DelegateRefusedError,
  delegateToken,
  type DelegateTokenOptions,
  isDelegateRefused,
} from '../src/index.js';
import { type Bench, makeBench } from './delegate-kit.js';
import { AGENT, API, AUTH, json, rejection, World } from './world.js';

/** A delegate of the bench's agent server, whose answers can be replaced. */
interface Delegate {
  readonly token: () => Promise<string>;
  readonly sent: { readonly url: string; readonly body: string; readonly init: RequestInit }[];
  answer: (honest: () => Promise<Response>) => Response | Promise<Response>;
  readonly keys: KeySet;
}

async function makeDelegate(
  bench: Bench,
  options: Partial<DelegateTokenOptions> = {},
): Promise<Delegate> {
  const keys = options.keys ?? (await makeKeys('laptop-key'));
  const sent: Delegate['sent'] = [];
  const delegate: Delegate = {
    keys,
    sent,
    answer: (honest) => honest(),
    token: delegateToken({
      agentServer: bench.party.id,
      delegate: 'laptop',
      keys,
      enrolmentSecret: bench.secret,
      clock: bench.clock,
      fetch: async (input, init = {}) => {
        const url = new Request(input, init).url;
        const body = new TextDecoder().decode(init.body as Uint8Array);
        sent.push({ url, body, init });
        return await delegate.answer(
          async () => (await bench.server.handle(new Request(url, init))) ?? new Response(null),
        );
      },
      ...options,
    }),
  };
  return delegate;
}

let bench: Bench;
let clock: TestClock;
beforeEach(async () => {
  bench = await makeBench();
  ({ clock } = bench);
});

describe('delegateToken', () => {
  it('gets an agent token for the delegate’s own key', async () => {
    const { token, keys, sent } = await makeDelegate(bench);
    const jws = decodeJws(await token());
    expect(jws).toMatchObject({
      header: { typ: 'agent+jwt', kid: bench.party.keys.current.kid },
      payload: { iss: bench.party.id, sub: 'laptop', exp: clock() + 3600 },
    });
    const [request] = sent;
    expect(request!.url).toBe(`${bench.party.id}/delegate/token`);
    expect(request!.init).toMatchObject({ method: 'POST', redirect: 'manual' });
    expect(parseStrictJson(request!.body)).toEqual({
      sub: 'laptop',
      cnf_jwk: keys.current.publicJwk,
      enrolment_secret: bench.secret,
    });
    const headers = new Headers(request!.init.headers);
    expect(headers.get('signature-key')).toContain('scheme=hwk');
    expect(headers.get('signature-input')).toMatch(/"content-digest" "nonce" "signature-key"/);
    expect(bench.refusals).toEqual([]);
  });

  it('keeps it until a minute before it ends, then gets a new one', async () => {
    const { token, sent } = await makeDelegate(bench);
    const first = await token();
    clock.advance(3600 - 61);
    expect(await token()).toBe(first);
    expect(sent).toHaveLength(1);
    clock.advance(1);
    const second = await token();
    expect(second).not.toBe(first);
    expect(sent).toHaveLength(2);
  });

  it('shares one request among callers at the same time', async () => {
    const { token, sent } = await makeDelegate(bench);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => token()));
    expect(new Set(tokens).size).toBe(1);
    expect(sent).toHaveLength(1);
  });

  it('shares a failure too, and asks again afterwards', async () => {
    const delegate = await makeDelegate(bench);
    delegate.answer = () => new Response(null, { status: 500 });
    const both = await Promise.allSettled([delegate.token(), delegate.token()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(delegate.sent).toHaveLength(1);
    delegate.answer = (honest) => honest();
    expect(await delegate.token()).toMatch(/^ey/);
  });

  it('reads the secret each time it is needed, and not before', async () => {
    let reads = 0;
    const enrolmentSecret = async () => {
      reads += 1;
      return bench.secret;
    };
    const { token } = await makeDelegate(bench, { enrolmentSecret });
    expect(reads).toBe(0);
    await token();
    await token();
    expect(reads).toBe(1);
  });

  it.each([['https://rs.example'], [['https://rs.example', 'https://as.example'] as const]])(
    'asks for the audience %s',
    async (audience) => {
      const { token } = await makeDelegate(bench, { audience });
      expect(decodeJws(await token())).toHaveProperty('payload.aud', audience);
    },
  );

  it('goes on with a token that lives while the server cannot answer, and not a second longer', async () => {
    const delegate = await makeDelegate(bench);
    const first = await delegate.token();
    delegate.answer = () => {
      throw new TypeError('fetch failed');
    };
    clock.advance(3599);
    expect(await delegate.token()).toBe(first);
    expect(delegate.sent).toHaveLength(2);
    clock.advance(1);
    const error = await rejection(delegate.token());
    expect([error.code, error.rule]).toEqual(['temporarily_unavailable', 'unreachable']);
  });
});

describe('a delegate that is refused', () => {
  it('is told who refused, in an error of its own', async () => {
    await bench.store.revoke('laptop', clock());
    const { token } = await makeDelegate(bench);
    const error: unknown = await token().catch((one: unknown) => one);
    expect(isDelegateRefused(error)).toBe(true);
    expect(error).toBeInstanceOf(DelegateRefusedError);
    expect(error).toMatchObject({
      code: 'access_denied',
      rule: 'delegate_refused',
      agentServer: bench.party.id,
      delegate: 'laptop',
    });
    expect((error as AAuthError).message).toContain(`agent server ${bench.party.id}`);
    expect(`${(error as AAuthError).message} ${(error as AAuthError).detail}`).not.toContain(
      bench.secret,
    );
  });

  it('does not go on with its last token once a renewal is refused', async () => {
    const { token } = await makeDelegate(bench);
    await token();
    await bench.store.revoke('laptop', clock());
    // What was issued lives out its hour …
    clock.advance(3500);
    expect(await token()).toMatch(/^ey/);
    // … and its renewal is refused.
    clock.advance(50);
    expect(isDelegateRefused(await rejection(token()))).toBe(true);
  });
});

describe('an answer that cannot be used', () => {
  const issued = async (
    changes: Partial<Parameters<typeof issueAgentToken>[1]> = {},
    thumb?: KeySet,
  ) =>
    await issueAgentToken(bench.party.keys.current, {
      agent: bench.party.id,
      delegate: 'laptop',
      confirmation: (thumb ?? (await makeKeys())).current.publicJwk,
      now: clock(),
      tokenId: 't',
      ...changes,
    });
  const good = (agentToken: unknown, expiresIn: unknown = 3600) =>
    json({ agent_token: agentToken, expires_in: expiresIn });

  it('has a positive control', async () => {
    const delegate = await makeDelegate(bench);
    delegate.answer = async () => good(await issued({}, delegate.keys));
    expect(await delegate.token()).toMatch(/^ey/);
  });

  it.each<[string, string, string, (keys: KeySet) => Promise<Response> | Response]>([
    [
      'is of another server',
      'response_invalid',
      'iss_other',
      async (keys) => good(await issued({ agent: AUTH }, keys)),
    ],
    [
      'is for another delegate',
      'response_invalid',
      'sub_other',
      async (keys) => good(await issued({ delegate: 'phone' }, keys)),
    ],
    ['is bound to another key', 'response_invalid', 'cnf_other', async () => good(await issued())],
    [
      'is for receivers that were not asked for',
      'response_invalid',
      'aud_other',
      async (keys) => good(await issued({ audience: API }, keys)),
    ],
    [
      'has expired',
      'response_invalid',
      'token_expired',
      async (keys) => good(await issued({ now: clock() - 3600 }, keys)),
    ],
    [
      'lives over a day',
      'response_invalid',
      'exp_too_far',
      async (keys) => good(await issued({ lifetimeSeconds: 86_401 }, keys)),
    ],
    ['is no token', 'response_invalid', 'token_malformed', () => good('a.b.c')],
    ['is no text', 'response_invalid', 'agent_token', () => good(7)],
    [
      'is for no time',
      'response_invalid',
      'expires_in',
      async (keys) => good(await issued({}, keys), 0),
    ],
    [
      'is for ever',
      'response_invalid',
      'expires_in',
      async (keys) => good(await issued({}, keys), '3600'),
    ],
    ['is no JSON', 'response_invalid', 'not_json', () => new Response('<html>')],
    ['is too long', 'response_invalid', 'not_json', () => json({ filler: 'x'.repeat(70_000) })],
    [
      'leads elsewhere',
      'response_invalid',
      'status_302',
      () => new Response(null, { status: 302, headers: { Location: 'https://other.example/' } }),
    ],
    ['is 404', 'response_invalid', 'status_404', () => new Response(null, { status: 404 })],
    [
      'is 503',
      'temporarily_unavailable',
      'status_503',
      () => json({ error: 'temporarily_unavailable' }, 503, { 'Retry-After': '7' }),
    ],
    ['is 429', 'too_many_requests', 'status_429', () => json({}, 429)],
    [
      'says that the signature is not good',
      'invalid_signature',
      'status_401',
      () => json({ error: 'invalid_signature' }, 401),
    ],
  ])('%s', async (_, code, rule, answer) => {
    const delegate = await makeDelegate(bench);
    delegate.answer = () => answer(delegate.keys);
    const error = await rejection(delegate.token());
    expect([error.code, error.rule]).toEqual([code, rule]);
    expect(error.message).toContain(`The agent server ${bench.party.id}`);
    expect(error.retryAfterSeconds).toBe(rule === 'status_503' ? 7 : undefined);
    // Nothing of it is kept.
    delegate.answer = (honest) => honest();
    expect(decodeJws(await delegate.token())).toHaveProperty('payload.sub', 'laptop');
  });

  it('with another type is refused', async () => {
    const delegate = await makeDelegate(bench);
    const token = await issued({}, delegate.keys);
    const [, payload, signature] = token.split('.');
    const header = Buffer.from('{"alg":"EdDSA","typ":"auth+jwt","kid":"key-1"}').toString(
      'base64url',
    );
    delegate.answer = () => good(`${header}.${payload}.${signature}`);
    expect((await rejection(delegate.token())).rule).toBe('token_type');
  });
});

describe('settings of delegateToken', () => {
  it.each<[string, Partial<DelegateTokenOptions>]>([
    ['an agent server with a path', { agentServer: 'https://agent.example/' }],
    ['an agent server over plain http', { agentServer: 'http://127.0.0.1:8001' }],
    ['a delegate without a name', { delegate: '' }],
    ['an audience that is no identifier', { audience: 'rs.example' }],
    ['an audience twice', { audience: ['https://rs.example', 'https://rs.example'] }],
  ])('refuse %s', async (_, options) => {
    await expect(makeDelegate(bench, options)).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});

describe('a delegate’s agent', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
    world.refreshTokens = true;
  });

  /** The world's agent is the agent server; `refused` is what it says instead of a token, when it says something. */
  async function delegateAgent(answer: () => Response | undefined = () => undefined) {
    const keys = await makeKeys('laptop-key');
    const agentToken = delegateToken({
      agentServer: AGENT,
      delegate: 'laptop',
      keys,
      clock: world.clock,
      fetch: async () =>
        answer() ??
        json({
          agent_token: await issueAgentToken(world.agentKeys.current, {
            agent: AGENT,
            delegate: 'laptop',
            confirmation: keys.current.publicJwk,
            now: world.now,
            tokenId: 't',
          }),
          expires_in: 3600,
        }),
    });
    return createAgent(world.options({ keys, agentToken }));
  }

  it('is named as the delegate in its auth tokens', async () => {
    const agent = await delegateAgent();
    expect(await (await agent.fetch(`${API}/data`)).text()).toBe('welcome');
    const jwt = /jwt="([^"]+)"/.exec(world.seen.at(-1)!.signatureKey)![1]!;
    expect(decodeJws(jwt)).toMatchObject({ payload: { agent: AGENT, agent_delegate: 'laptop' } });
  });

  it('rejects with the refusal of its agent server, and keeps its refresh token', async () => {
    let refused = false;
    const agent = await delegateAgent(() =>
      refused ? json({ error: 'access_denied' }, 403) : undefined,
    );
    await agent.fetch(`${API}/data`);
    world.now += 3600;
    refused = true;
    const before = world.seen.length;
    const error = await rejection(agent.fetch(`${API}/data`));
    expect(isDelegateRefused(error)).toBe(true);
    expect(world.seen.length).toBe(before);
    // Enrolled again, it goes on without a new approval.
    refused = false;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh']);
  });
});
