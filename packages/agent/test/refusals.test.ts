import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RefusedBy, Retry } from '@countersign/protocol';
import { type AgentOptions, type AgentStore, memoryStore } from '../src/index.js';
import { agentAuth, API, AUTH, json, rejection, until, World } from './world.js';

/** What an agent's program can tell from an error without reading its text. */
type Meaning = readonly [code: string, refusedBy: RefusedBy | undefined, retry: Retry];

let world: World;
let store: AgentStore;
beforeEach(async () => {
  world = await World.create();
  store = memoryStore();
});
afterEach(() => {
  vi.useRealTimers();
});

async function meaningOf(call: Promise<unknown>): Promise<Meaning> {
  const { code, refusedBy, retry } = await rejection(call);
  expect(await store.tokens('', API)).toEqual([]);
  return [code, refusedBy, retry];
}

const fetched = (options: Partial<AgentOptions> = {}, init?: RequestInit) =>
  meaningOf(world.agent({ store, ...options }).fetch(`${API}/data`, init));

/** What the call comes to when the person's browser comes back with `parameters`. */
async function answered(parameters: Record<string, string>): Promise<Meaning> {
  world.consent = 'person';
  const agent = world.agent({ store });
  const call = meaningOf(agent.fetch(`${API}/data`));
  await until(() => world.asked.length === 1);
  await agent.handle(new Request(world.answer(world.asked[0]!.url, parameters)));
  return await call;
}

describe('what an error tells the program', () => {
  it('when the person denies: not to ask again by itself', async () => {
    const meaning = await answered({ error: 'access_denied' });
    expect(meaning).toEqual<Meaning>(['interaction_denied', 'person', 'ask-person-again']);
    expect(world.tokenRequests()).toEqual(['auth']);
  });

  it('when the auth server sends the person back without an answer', async () => {
    expect(await answered({ error: 'server_error' })).toEqual<Meaning>([
      'interaction_failed',
      'auth-server',
      'ask-person-again',
    ]);
  });

  it('when the code has expired or been used', async () => {
    const meaning = await answered({ code: 'too-late' });
    expect(meaning).toEqual<Meaning>(['invalid_grant', 'auth-server', 'ask-person-again']);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('when the person takes too long, as the agent or as the auth server has it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    world.consent = 'person';
    for (const [agentSeconds, serverSeconds] of [
      [60, 600],
      [600, 60],
    ] as const) {
      world.token = () => json({ request_token: 'r', expires_in: serverSeconds });
      world.asked.length = 0;
      const call = fetched({ interactionTimeoutSeconds: agentSeconds });
      await until(() => world.asked.length === 1);
      vi.advanceTimersByTime(60_000);
      expect(await call).toEqual<Meaning>(['interaction_timeout', 'person', 'ask-person-again']);
    }
  });

  it('when newer questions have taken its place', async () => {
    world.consent = 'person';
    const agent = world.agent({ store });
    const abort = new AbortController();
    const call = meaningOf(agent.fetch(`${API}/data`));
    await until(() => world.asked.length === 1);
    const others: Promise<unknown>[] = [];
    for (let at = 1; at < 17; at++) {
      world.wanted = [`scope-${at}`];
      others.push(agent.fetch(`${API}/data`, { signal: abort.signal }).catch(() => undefined));
      await until(() => world.asked.length === at + 1);
    }
    expect(await call).toEqual<Meaning>(['interaction_timeout', 'agent', 'ask-person-again']);
    abort.abort();
    await Promise.all(others);
  });

  it('when the person cannot be asked', async () => {
    world.consent = 'person';
    const present = () => Promise.reject(new Error('no display'));
    expect(await fetched({ interaction: { mode: 'wait', present } })).toEqual<Meaning>([
      'interaction_failed',
      undefined,
      'ask-person-again',
    ]);
  });

  it('when a web application has to send the browser', async () => {
    world.consent = 'person';
    expect(await fetched({ interaction: { mode: 'redirect' } })).toEqual<Meaning>([
      'interaction_required',
      undefined,
      'after-approval',
    ]);
  });

  it('when a person would have to be asked and the agent has nobody', async () => {
    world.consent = 'person';
    expect(await fetched({ interaction: { mode: 'none' } })).toEqual<Meaning>([
      'interaction_required',
      'agent',
      'never',
    ]);
  });

  it.each<[string, number, Retry]>([
    ['access_denied', 403, 'never'],
    ['invalid_scope', 400, 'never'],
    ['invalid_request', 400, 'never'],
    ['invalid_resource_token', 400, 'never'],
    ['unsupported_request_type', 400, 'never'],
    ['invalid_signature', 401, 'never'],
    ['invalid_token', 401, 'never'],
    ['insufficient_scope', 403, 'never'],
    ['temporarily_unavailable', 503, 'later'],
  ])('when the auth server answers %s', async (code, status, retry) => {
    world.token = () => json({ error: code }, status);
    expect(await fetched()).toEqual<Meaning>([code, 'auth-server', retry]);
    expect(world.asked).toEqual([]);
  });

  it('when the auth server is overloaded, away, or makes no sense', async () => {
    world.token = () => new Response(null, { status: 429 });
    expect(await fetched()).toEqual<Meaning>(['too_many_requests', 'auth-server', 'later']);
    world.token = () => json({ error: 'teapot' }, 400);
    expect(await fetched()).toEqual<Meaning>(['response_invalid', 'agent', 'never']);
    world.handlers.delete(AUTH);
    expect(await fetched()).toEqual<Meaning>(['temporarily_unavailable', undefined, 'later']);
    world.published.delete(`${AUTH} aauth-issuer`);
    expect(await fetched()).toEqual<Meaning>(['discovery_failed', undefined, 'later']);
  });

  it('when the resource challenges for somebody else, or again and again', async () => {
    world.resourceClaims = { agent: AUTH };
    expect(await fetched()).toEqual<Meaning>(['challenge_refused', 'agent', 'never']);
    expect(world.to(AUTH)).toEqual([]);
    world.resourceClaims = {};
    world.resource = async (_seen, caller) => await world.challenge(caller);
    const error = await rejection(world.agent().fetch(`${API}/data`));
    expect([error.code, error.refusedBy, error.retry]).toEqual<Meaning>([
      'challenge_unmet',
      'resource',
      'never',
    ]);
  });

  it('when the resource redirects elsewhere', async () => {
    world.resource = () => new Response(null, { status: 307, headers: { Location: AUTH } });
    expect(await fetched()).toEqual<Meaning>(['redirect_refused', 'agent', 'never']);
    expect(world.to(AUTH)).toEqual([]);
  });

  it('when the program asks for what cannot be sent', async () => {
    const init = { method: 'POST', body: 'x'.repeat(11) };
    expect(await fetched({ maxBodyBytes: 10 }, init)).toEqual<Meaning>([
      'body_too_large',
      'agent',
      'never',
    ]);
    expect(await fetched({}, { headers: { nonce: 'x' } })).toEqual<Meaning>([
      'configuration_invalid',
      'agent',
      'never',
    ]);
    expect(world.seen).toEqual([]);
  });

  it('when the answer at the callback is nobody’s', async () => {
    const outcome = await world.agent().acceptCallback('https://agent.example/callback?code=x');
    expect(outcome).toMatchObject({
      kind: 'refused',
      error: { code: 'interaction_failed', refusedBy: 'agent' },
    });
    const elsewhere = await world.agent().acceptCallback('https://evil.example/callback');
    expect(elsewhere).toMatchObject({ error: { rule: 'address_other', refusedBy: 'agent' } });
  });

  it('nothing, when the resource refuses: its answer is the program’s', async () => {
    world.resource = () => json({ error: 'access_denied' }, 403);
    expect((await world.agent().fetch(`${API}/data`)).status).toBe(403);
    world.resource = () => agentAuth({ kind: 'identity' }, 403);
    expect((await world.agent().fetch(`${API}/data`)).status).toBe(403);
  });
});

describe('a call that is aborted', () => {
  it('rejects with the reason that its caller gave, and leaves the others their flow', async () => {
    world.consent = 'person';
    const agent = world.agent({ store });
    const abort = new AbortController();
    const gone = rejection(agent.fetch(`${API}/data`, { signal: abort.signal }));
    const stays = [1, 2].map(() => agent.fetch(`${API}/data`));
    await until(() => world.asked.length === 1 && world.to(API).length === 3);
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new DOMException('The user left', 'AbortError'));
    expect(await gone).toMatchObject({ name: 'AbortError', message: 'The user left' });
    await agent.handle(new Request(world.approve(world.asked[0]!.url)));
    expect((await Promise.all(stays)).map(({ status }) => status)).toEqual([200, 200]);
    expect(world.tokenRequests()).toEqual(['auth', 'code']);
  });

  it('does not end a renewal that others wait for', async () => {
    world.refreshTokens = true;
    const agent = world.agent({ store });
    await agent.fetch(`${API}/data`);
    world.now += 3600;
    let answer = (): void => undefined;
    const waiting = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    world.token = () => waiting;
    const abort = new AbortController();
    const gone = rejection(agent.fetch(`${API}/data`, { signal: abort.signal }));
    const stays = agent.fetch(`${API}/data`);
    await until(() => world.tokenRequests().length === 2);
    abort.abort(new Error('enough'));
    expect((await gone).message).toBe('enough');
    answer();
    expect((await stays).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh']);
  });
});
