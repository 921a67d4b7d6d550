import {
  type AAuthError,
  isAAuthError,
  memoryReplayStore,
  type ServerIdentifier,
} from '@countersign/protocol';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { aauth } from '../src/hono.js';
import { createResource, type ResourceOptions, type TokenRequest } from '../src/index.js';
import { makeApi, SCOPES, sign, tokenChallenge, tokenHolder } from './support.js';

const base = await makeApi();

function configured(change: Partial<Record<keyof ResourceOptions, unknown>>) {
  return createResource({
    id: 'https://rs.example',
    keys: base.resource.keys,
    authServers: ['https://as.example'],
    scopes: SCOPES,
    discovery: base.discovery,
    clock: base.clock,
    replay: memoryReplayStore({ clock: base.clock }),
    ...change,
  } as ResourceOptions);
}

function refusal(act: () => unknown): AAuthError {
  try {
    act();
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('a resource cannot be made', () => {
  it.each<[string, Partial<Record<keyof ResourceOptions, unknown>>, RegExp]>([
    ['with an id in upper case', { id: 'https://RS.example' }, /resource id/],
    ['with an id that ends in a slash', { id: 'https://rs.example/' }, /resource id/],
    ['with an id with a path', { id: 'https://rs.example/api' }, /resource id/],
    ['without an id', { id: undefined }, /resource id/],
    ['with plain http', { id: 'http://127.0.0.1:8002' }, /insecureLoopback/],
    [
      'with plain http to others than itself',
      { id: 'http://rs.example', insecureLoopback: true },
      /resource id/,
    ],
    ['without an auth server', { authServers: [] }, /at least one auth server/],
    [
      'with an auth server that is no identifier',
      { authServers: ['https://as.example/'] },
      /auth server/,
    ],
    [
      'with a second auth server that is none',
      { authServers: ['https://as.example', 'as'] },
      /auth server/,
    ],
    ['with a scope of two words', { scopes: { 'data read': 'x' } }, /data read/],
    ['with an empty scope', { scopes: { '': 'x' } }, /cannot be granted/],
    ['with a scope in quotes', { scopes: { '"a"': 'x' } }, /cannot be granted/],
    ['with a scope that asks for claims', { scopes: { ...SCOPES, email: 'x' } }, /email/],
  ])('%s, and the error says so', (_what, change, message) => {
    expect(refusal(() => configured(change)).message).toMatch(message);
  });

  it('but can in the same words with nothing wrong', () => {
    expect(configured({}).id).toBe('https://rs.example');
    expect(configured({}).scopes).toEqual(SCOPES);
    const loopback = {
      id: 'http://127.0.0.1:8002',
      authServers: ['http://127.0.0.1:8003'],
      insecureLoopback: true,
    };
    expect(configured(loopback).id).toBe('http://127.0.0.1:8002');
  });
});

describe('a route cannot be made', () => {
  const handler = (): Response => new Response('done');
  it.each<[string, string[]]>([
    ['for a scope that the resource does not describe', ['data.raed']],
    ['for an unknown scope beside a known one', ['data.read', 'x']],
    ['for no scopes', []],
    ['for an inherited name', ['toString']],
  ])('%s, whichever way it is written', (_what, scopes) => {
    const api = configured({});
    for (const make of [
      () => api.guard({ scopes }, handler),
      () => api.accepts({ scopes }),
      () => aauth(api, { scopes }),
      () => new Hono().get('/', aauth(api, { scopes }), handler),
    ]) {
      expect(refusal(make)).toMatchObject({ code: 'configuration_invalid' });
    }
  });

  it('but can for each scope that it describes', () => {
    const api = configured({});
    for (const scope of Object.keys(SCOPES)) api.accepts({ scopes: [scope] });
    api.accepts('signature');
    api.accepts('identity');
  });
});

describe('a resource with several auth servers', () => {
  const authServers = ['https://as.example', 'https://second.example'] as const;
  const challenge = async (change: Partial<ResourceOptions>) => {
    const made = await makeApi({ authServers: [...authServers], ...change });
    const send = made.api.guard({ scopes: ['data.read'] }, () => new Response('done'));
    return { made, response: await send(await sign(made.agent)) };
  };

  it('names the first of them', async () => {
    const { authServer, payload } = tokenChallenge((await challenge({})).response);
    expect(authServer).toBe('https://as.example');
    expect(payload['aud']).toBe('https://as.example');
  });

  it('names the one that a function chooses', async () => {
    const asked: TokenRequest[] = [];
    const chooseAuthServer = (request: TokenRequest): string => {
      asked.push(request);
      return 'https://second.example';
    };
    const { made, response } = await challenge({ chooseAuthServer });
    const { authServer, payload } = tokenChallenge(response);
    expect(authServer).toBe('https://second.example');
    expect(payload['aud']).toBe('https://second.example');
    expect(asked).toEqual([
      {
        agent: 'https://agent.example' as ServerIdentifier,
        agentThumbprint: made.agent.key.thumbprint,
        scopes: ['data.read'],
      },
    ]);
  });

  it.each([
    ['one that is not trusted', () => 'https://third.example'],
    ['another spelling', () => 'https://as.example/'],
    [
      'nothing but an error',
      () => {
        throw new TypeError('no choice');
      },
    ],
  ])(
    'answers 500 when the function chooses %s, and tells why only to the log',
    async (_what, choose) => {
      const { made, response } = await challenge({ chooseAuthServer: choose });
      expect(response.status).toBe(500);
      expect(response.headers.has('agent-auth')).toBe(false);
      expect(await response.json()).toMatchObject({ error: 'server_error' });
      expect(made.refused).toHaveLength(1);
    },
  );
});

it('a resource with its own window, allowance and clock keeps to them', async () => {
  const made = await makeApi({ windowSeconds: 5, skewSeconds: 0 });
  const send = made.api.guard('identity', () => new Response('done'));
  const request = await sign(made.agent);
  made.clock.advance(5);
  expect((await send(request.clone())).status).toBe(200);
  made.clock.advance(1);
  expect((await send(request)).status).toBe(401);
});

it('a resource takes no auth token that lives longer than it allows', async () => {
  for (const [maxAuthTokenSeconds, status] of [
    [3600, 200],
    [3599, 401],
  ] as const) {
    const made = await makeApi({ maxAuthTokenSeconds });
    const send = made.api.guard('signature', () => new Response('done'));
    const response = await send(await sign(await tokenHolder(made)));
    expect(response.status).toBe(status);
    expect(made.refused.map(({ rule }) => rule)).toEqual(status === 200 ? [] : ['exp_too_far']);
  }
});
