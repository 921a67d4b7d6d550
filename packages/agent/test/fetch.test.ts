import { generatePrivateJwk } from '@countersign/httpsig';
import { issueAgentToken, loadKeySet } from '@countersign/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { agentAuth, AGENT, API, AUTH, rejection, tokenOf, World } from './world.js';

let world: World;
beforeEach(async () => {
  world = await World.create();
});

describe('signing', () => {
  it('proves the agent identity by its published key', async () => {
    world.resource = (_seen, caller) => new Response(`${caller.kind} ${caller.scheme}`);
    const response = await world.agent().fetch(`${API}/data?x=1`);
    expect(await response.text()).toBe('agent jwks');
    expect(world.seen[0]?.signatureKey).toBe(
      `sig1=(scheme=jwks id="${AGENT}" kid="key-1" well-known="aauth-agent")`,
    );
    expect(world.seen[0]?.init.redirect).toBe('manual');
  });

  it('sends the bare key with scheme hwk, and delivers a challenge it was told not to climb', async () => {
    const response = await world.agent({ scheme: 'hwk' }).fetch(`${API}/data`);
    expect(response.status).toBe(401);
    expect(await response.text()).toBe('Authorization required');
    expect(world.seen.map(({ scheme }) => scheme)).toEqual(['hwk']);
  });

  it('signs as a delegate with its agent token, on every request', async () => {
    const keys = await loadKeySet({ keys: [await generatePrivateJwk({ kid: 'ephemeral' })] });
    const token = await issueAgentToken(world.agentKeys.current, {
      agent: AGENT,
      delegate: 'worker-7',
      confirmation: keys.current.publicJwk,
      now: world.now,
      tokenId: 'a',
    });
    const agent = world.agent({ keys, agentToken: () => Promise.resolve(token) });
    expect(await (await agent.fetch(`${API}/data`)).text()).toBe('welcome');
    expect(world.to(AUTH)[0]?.scheme).toBe('jwt');
    expect(tokenOf(world.to(AUTH)[0]!)?.['sub']).toBe('worker-7');
    expect(tokenOf(world.seen.at(-1)!)?.['agent_delegate']).toBe('worker-7');
  });

  it.each([
    ['issued by another agent', { agent: AUTH }, undefined, 'was not issued by the agent id'],
    ['bound to another key', {}, 'other', 'is bound to another key than keys.current'],
  ])('refuses an agent token %s before anything is sent', async (_, claims, key, message) => {
    const other = await loadKeySet({ keys: [await generatePrivateJwk({ kid: 'x' })] });
    const token = await issueAgentToken(world.agentKeys.current, {
      agent: AGENT,
      delegate: 'worker-7',
      confirmation: key === undefined ? world.agentKeys.current.publicJwk : other.current.publicJwk,
      now: world.now,
      tokenId: 'a',
      ...claims,
    });
    const agent = world.agent({ agentToken: () => Promise.resolve(token) });
    const error = await rejection(agent.fetch(`${API}/data`));
    expect(error.code).toBe('configuration_invalid');
    expect(error.message).toContain(message);
    expect(world.seen).toEqual([]);
  });

  it('refuses an agent token that is no agent token', async () => {
    const agent = world.agent({ agentToken: () => Promise.resolve('no.token.atall') });
    expect((await rejection(agent.fetch(`${API}/data`))).message).toContain('type agent+jwt');
  });

  it('covers body, type and a fresh nonce of 16 bytes on unsafe methods, and none on safe ones', async () => {
    world.resource = () => new Response('ok');
    const agent = world.agent();
    await agent.fetch(`${API}/data`, {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    });
    await agent.fetch(`${API}/data`, { method: 'DELETE' });
    await agent.fetch(`${API}/data`);
    const [post, remove, get] = world.seen.map(({ headers }) => headers);
    expect(post?.get('signature-input')).toContain(
      '"content-type" "content-digest" "nonce" "signature-key"',
    );
    expect(post?.get('nonce')).toMatch(/^[\w-]{22}$/);
    expect(remove?.get('nonce')).not.toBe(post?.get('nonce'));
    expect(get?.has('nonce')).toBe(false);
  });

  it('sends no nonce under the 2026-01 wire', async () => {
    world.acceptWire = ['2026-01'];
    world.resource = () => new Response('ok');
    const response = await world
      .agent({ wire: '2026-01' })
      .fetch(`${API}/data?a=b`, { method: 'POST', body: 'x' });
    expect(await response.text()).toBe('ok');
    expect(world.seen[0]?.headers.has('nonce')).toBe(false);
  });

  it('signs what is sent for a bare question mark, a fragment and a body without a type', async () => {
    world.resource = (seen) => new Response(seen.url);
    const agent = world.agent();
    expect(await (await agent.fetch(`${API}/data?#top`)).text()).toBe(`${API}/data`);
    await agent.fetch(`${API}/data`, { method: 'PUT', body: new Uint8Array([1, 2]) });
    expect(world.seen[1]?.headers.get('content-type')).toBe('application/octet-stream');
  });
});

describe('what the caller passes', () => {
  it.each<[string, () => RequestInit['body']]>([
    ['text', () => 'hello'],
    ['bytes', () => new TextEncoder().encode('hello')],
    ['a Blob', () => new Blob(['hello'], { type: 'text/plain' })],
    ['a stream', () => new Blob(['hello']).stream()],
    ['URLSearchParams', () => new URLSearchParams({ hello: '1' })],
    [
      'FormData',
      () => {
        const form = new FormData();
        form.set('hello', '1');
        return form;
      },
    ],
  ])('sends %s again, byte for byte, after a challenge', async (_, body) => {
    const response = await world.agent().fetch(`${API}/data`, { method: 'POST', body: body()! });
    expect(await response.text()).toBe('welcome');
    const [first, second] = world.to(API);
    expect(first?.body).toContain('hello');
    expect(second?.body).toBe(first?.body);
    expect(second?.headers.get('nonce')).not.toBe(first?.headers.get('nonce'));
    expect(second?.headers.get('content-type')).toBe(first?.headers.get('content-type'));
  });

  it('takes a Request with its method, headers and body', async () => {
    world.resource = (seen) =>
      new Response(`${seen.method} ${seen.headers.get('x-own')} ${seen.body}`);
    const request = new Request(`${API}/data`, {
      method: 'PUT',
      body: 'b',
      headers: { 'X-Own': '1' },
    });
    expect(await (await world.agent().fetch(request)).text()).toBe('PUT 1 b');
  });

  it('passes other members of init on to the transport', async () => {
    world.resource = () => new Response('ok');
    await world.agent().fetch(new URL(`${API}/data`), { keepalive: true });
    expect(world.seen[0]?.init.keepalive).toBe(true);
  });

  it('refuses a body over the limit, and takes one of exactly the limit', async () => {
    world.resource = () => new Response('ok');
    const agent = world.agent({ maxBodyBytes: 4 });
    const post = (body: string) => agent.fetch(`${API}/data`, { method: 'POST', body });
    expect((await rejection(post('12345'))).code).toBe('body_too_large');
    expect(world.seen).toEqual([]);
    expect((await post('1234')).status).toBe(200);
  });

  it.each([
    'Signature',
    'Signature-Input',
    'Signature-Key',
    'Nonce',
    'Content-Digest',
    'Interaction-Code',
  ])('refuses a %s header of the caller', async (name) => {
    const error = await rejection(world.agent().fetch(`${API}/data`, { headers: { [name]: 'x' } }));
    expect(error.code).toBe('configuration_invalid');
    expect(error.message).toContain(name.toLowerCase());
    expect(world.seen).toEqual([]);
  });

  it.each([
    'http://api.example/data',
    'http://127.0.0.1:8002/data',
    'ftp://api.example/',
    'data:text/plain,x',
    '/data',
    'https://user:pass@api.example/',
  ])('refuses to call %s', async (address) => {
    const error = await rejection(world.agent().fetch(address));
    expect(error.code).toBe('configuration_invalid');
    expect(error.message).not.toContain('pass@');
    expect(world.seen).toEqual([]);
  });

  it('calls plain http on a loopback host, and nowhere else, with insecureLoopback', async () => {
    world.handlers.set('http://127.0.0.1:8002', () => new Response('local'));
    const agent = world.agent({ insecureLoopback: true });
    expect(await (await agent.fetch('http://127.0.0.1:8002/data')).text()).toBe('local');
    expect((await rejection(agent.fetch('http://api.example/data'))).code).toBe(
      'configuration_invalid',
    );
  });

  it('passes on the failure of a resource that cannot be reached, and an abort before anything is sent', async () => {
    await expect(world.agent().fetch('https://nowhere.example/')).rejects.toThrow(TypeError);
    const before = world.seen.length;
    const signal = AbortSignal.abort();
    await expect(world.agent().fetch(`${API}/data`, { signal })).rejects.toThrow('aborted');
    expect(world.seen.length).toBe(before);
  });
});

describe('responses', () => {
  it('delivers the very response that arrived', async () => {
    const real = new Response('teapot', { status: 418 });
    world.resource = () => real;
    expect(await world.agent().fetch(`${API}/data`)).toBe(real);
  });

  it('delivers 429 with Retry-After when no higher level is offered, with its body unread', async () => {
    world.resource = () =>
      new Response('slow down', { status: 429, headers: { 'Retry-After': '7' } });
    const response = await world.agent().fetch(`${API}/data`);
    expect(await response.text()).toBe('slow down');
    expect(world.seen.length).toBe(1);
  });

  it('cancels the body of a challenge that it answers', async () => {
    let cancelled = 0;
    world.resource = async (_seen, caller) => {
      if (caller.kind === 'token-holder') return undefined;
      const { headers } = await world.challenge(caller);
      const body = new ReadableStream({ cancel: () => void (cancelled += 1) });
      return new Response(body, { status: 401, headers });
    };
    expect((await world.agent().fetch(`${API}/data`)).status).toBe(200);
    expect(cancelled).toBe(1);
  });

  it('delivers a challenge for an identity that has been shown already', async () => {
    world.resource = () => agentAuth({ kind: 'identity' });
    expect((await world.agent().fetch(`${API}/data`)).status).toBe(401);
    expect(world.seen.length).toBe(1);
  });
});

describe('redirects', () => {
  const hop = (status: number, location: string) =>
    new Response(null, { status, headers: { Location: location } });

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [301, 'PUT', 'PUT'],
    [302, 'DELETE', 'DELETE'],
    [307, 'POST', 'POST'],
    [308, 'PUT', 'PUT'],
    [303, 'HEAD', 'HEAD'],
  ])('%i turns %s into %s on the same origin, signed anew', async (status, method, expected) => {
    world.resource = (seen) =>
      seen.url.endsWith('/a') ? hop(status, '/b?c') : new Response('end');
    const body = method === 'HEAD' || method === 'DELETE' ? {} : { body: 'payload' };
    const response = await world.agent().fetch(`${API}/a`, { method, ...body });
    expect(response.status).toBe(200);
    const last = world.seen[1];
    expect([last?.method, last?.url]).toEqual([expected, `${API}/b?c`]);
    expect(last?.body).toBe(expected === method ? (body.body ?? '') : '');
    expect(last?.headers.has('content-type')).toBe(last?.body !== '');
    expect(last?.headers.get('signature')).not.toBe(world.seen[0]?.headers.get('signature'));
  });

  it('follows five redirects and refuses the sixth', async () => {
    let left = 5;
    world.resource = () => (left-- > 0 ? hop(302, '/again') : new Response('end'));
    expect((await world.agent().fetch(`${API}/a`)).status).toBe(200);
    left = 6;
    expect((await rejection(world.agent().fetch(`${API}/a`))).code).toBe('redirect_refused');
    expect(world.seen.length).toBe(12);
  });

  it('keeps the token on the same origin', async () => {
    world.resource = (seen, caller) =>
      seen.url.endsWith('/a') && caller.kind === 'token-holder' ? hop(302, '/b') : undefined;
    expect(await (await world.agent().fetch(`${API}/a`)).text()).toBe('welcome');
    expect(world.seen.at(-1)?.url).toBe(`${API}/b`);
    expect(tokenOf(world.seen.at(-1)!)?.['aud']).toBe(API);
  });

  it('refuses another origin by name, and sends nothing there', async () => {
    world.resource = () => hop(302, 'https://evil.example/steal');
    const error = await rejection(world.agent().fetch(`${API}/a`));
    expect(error.code).toBe('redirect_refused');
    expect(error.message).toContain('https://evil.example');
    expect(world.to('https://evil.example')).toEqual([]);
  });

  it('goes to another origin when allowed: signed anew, without token or credentials', async () => {
    world.handlers.set('https://other.example', () => new Response('elsewhere'));
    world.resource = (_seen, caller) =>
      caller.kind === 'token-holder' ? hop(307, 'https://other.example/x') : undefined;
    const agent = world.agent({ allowCrossOriginRedirects: true });
    const response = await agent.fetch(`${API}/a`, {
      method: 'POST',
      body: 'b',
      headers: { Authorization: 'Basic x', Cookie: 'a=b', 'X-Own': '1' },
    });
    expect(await response.text()).toBe('elsewhere');
    const [other] = world.to('https://other.example');
    expect(other?.scheme).toBe('jwks');
    expect(other?.body).toBe('b');
    expect(other?.headers.get('x-own')).toBe('1');
    expect(other?.headers.has('authorization')).toBe(false);
    expect(other?.headers.has('cookie')).toBe(false);
  });

  it.each([
    'http://api.example/x',
    'https://u:p@api.example/x',
    'ftp://api.example/',
    'javascript:1',
    'http://[',
  ])('never follows to %s, even when other origins are allowed', async (location) => {
    world.resource = () => hop(302, location);
    const error = await rejection(
      world.agent({ allowCrossOriginRedirects: true }).fetch(`${API}/a`),
    );
    expect(error.code).toBe('redirect_refused');
    expect(world.seen.length).toBe(1);
  });

  it("heeds the caller's redirect mode", async () => {
    world.resource = () => hop(302, '/b');
    expect((await world.agent().fetch(`${API}/a`, { redirect: 'manual' })).status).toBe(302);
    const error = await rejection(world.agent().fetch(`${API}/a`, { redirect: 'error' }));
    expect(error.code).toBe('redirect_refused');
    expect(world.seen.length).toBe(2);
  });

  it('delivers a redirect without Location, and 304', async () => {
    world.resource = (seen) => new Response(null, { status: seen.url.endsWith('/a') ? 302 : 304 });
    expect((await world.agent().fetch(`${API}/a`)).status).toBe(302);
    expect((await world.agent().fetch(`${API}/b`)).status).toBe(304);
  });
});
