import { importVerificationKey, type VerificationKey } from '@countersign/httpsig';
import type { Caller, ExpiredAuthToken, VerifiedAuthToken } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { identifier, makeSigningKey, NOW } from '../../../protocol/test/kit.js';
import {
  type OpenLevels,
  readProgressive,
  type SignedLevels,
} from '../../src/progressive/levels.js';
import { openingAsk, weigh } from '../../src/progressive/weigh.js';

const key: VerificationKey = await importVerificationKey((await makeSigningKey()).publicJwk);
const agent = identifier('https://agent.example');

const content = (scope: readonly string[], named = true): object => ({
  issuer: identifier('https://as.example'),
  audience: identifier('https://rs.example'),
  agent: named ? agent : undefined,
  delegate: undefined,
  subject: 'testuser',
  scope,
  expiresAt: NOW + 60,
  tokenId: 'id',
  claims: {},
  confirmation: key,
});
const holder = (scope: string[], named = true): Caller => {
  const token = content(scope, named) as VerifiedAuthToken;
  return { kind: 'token-holder', scheme: 'jwt', key, token };
};

const callers: Record<string, Caller | undefined> = {
  nobody: undefined,
  'a bare key': { kind: 'key', scheme: 'hwk', key },
  'an agent': { kind: 'agent', scheme: 'jwks', key, agent, delegate: undefined },
  'a token for a': holder(['a']),
  'a token for b': holder(['b']),
  'a sign-in token': holder(['a'], false),
  'an expired token': {
    kind: 'expired-token-holder',
    scheme: 'jwt',
    key,
    token: content(['a']) as ExpiredAuthToken,
  },
};

const ten = { perMinute: 10 };
const hundred = { perMinute: 100 };
const thousand = { perMinute: 1_000 };
const a = { perMinute: 10_000, scopes: ['a'] };

const routes: Record<string, SignedLevels | OpenLevels> = {
  'all levels': { unsigned: ten, signature: hundred, identity: thousand, authorization: a },
  'no unsigned': { signature: hundred, identity: thousand, authorization: a },
  'unsigned and authorization': { unsigned: ten, authorization: a },
  'identity alone': { identity: thousand },
  'authorization alone': { authorization: a },
  'unsigned blocked': { unsigned: 'blocked', signature: hundred },
  'keys blocked': { unsigned: ten, signature: 'blocked', identity: thousand },
  'agents blocked': { signature: hundred, identity: 'blocked', authorization: a },
  'agents blocked, and nothing above': { unsigned: ten, identity: 'blocked' },
  'equal limits': { unsigned: ten, signature: ten, identity: thousand },
  'less for more': { signature: hundred, identity: ten },
};

/** What becomes of a caller: its level and where it may go from there, or what it is asked. */
function outcome(caller: Caller | undefined, levels: SignedLevels | OpenLevels): string {
  const rule = readProgressive({ levels }, undefined, { a: 'A', b: 'B' });
  const weighing = weigh(caller, rule);
  const said = (ask: unknown): string =>
    typeof ask === 'object' ? 'token' : typeof ask === 'string' ? ask : 'nothing';
  switch (weighing.kind) {
    case 'counted':
      return `${weighing.level}, up: ${said(weighing.higher)}`;
    case 'challenge':
      return `${weighing.error?.code ?? '401'}: ${said(weighing.ask)}`;
    case 'refusal':
      return `${weighing.error.code}: nothing`;
  }
}

describe.each<[string, Record<string, string>]>([
  [
    'all levels',
    {
      nobody: 'unsigned, up: signature',
      'a bare key': 'signature, up: identity',
      'an agent': 'identity, up: token',
      'a token for a': 'authorization, up: nothing',
      'a token for b': 'identity, up: token',
      'a sign-in token': 'signature, up: identity',
      'an expired token': 'invalid_token: token',
    },
  ],
  ['no unsigned', { nobody: '401: signature', 'a bare key': 'signature, up: identity' }],
  [
    'unsigned and authorization',
    {
      nobody: 'unsigned, up: identity',
      'a bare key': 'unsigned, up: identity',
      'an agent': 'unsigned, up: token',
      'a token for a': 'authorization, up: nothing',
      'a token for b': 'unsigned, up: token',
    },
  ],
  [
    'identity alone',
    {
      nobody: '401: identity',
      'a bare key': '401: identity',
      'an agent': 'identity, up: nothing',
      'a token for a': 'identity, up: nothing',
      'an expired token': 'invalid_token: identity',
    },
  ],
  [
    'authorization alone',
    {
      nobody: '401: identity',
      'a bare key': '401: identity',
      'an agent': '401: token',
      'a token for a': 'authorization, up: nothing',
      'a token for b': 'insufficient_scope: token',
    },
  ],
  [
    'unsigned blocked',
    { nobody: 'access_denied: signature', 'a bare key': 'signature, up: nothing' },
  ],
  [
    'keys blocked',
    {
      nobody: 'unsigned, up: identity',
      'a bare key': 'access_denied: identity',
      'a sign-in token': 'access_denied: identity',
      'an agent': 'identity, up: nothing',
    },
  ],
  [
    'agents blocked',
    {
      nobody: '401: signature',
      'a bare key': 'signature, up: identity',
      'an agent': 'access_denied: token',
      'a token for b': 'insufficient_scope: token',
      'a token for a': 'authorization, up: nothing',
    },
  ],
  [
    'agents blocked, and nothing above',
    { 'a bare key': 'unsigned, up: nothing', 'an agent': 'access_denied: nothing' },
  ],
  ['equal limits', { nobody: 'unsigned, up: identity', 'a bare key': 'signature, up: identity' }],
  [
    'less for more',
    { 'a bare key': 'signature, up: nothing', 'an agent': 'identity, up: nothing' },
  ],
])('at a route with %s', (route, expected) => {
  it.each(Object.entries(expected))('%s: %s', (name, what) => {
    expect(outcome(callers[name], routes[route] ?? {})).toBe(what);
  });
});

it('a resource token is asked for the agent, its very key and every scope of the level', () => {
  const levels = { identity: ten, authorization: { perMinute: 20, scopes: ['a', 'b'] } };
  const rule = readProgressive({ levels }, undefined, { a: 'A', b: 'B' });
  expect(weigh(callers['a token for a'], rule)).toMatchObject({
    higher: { agent, agentThumbprint: key.thumbprint, scopes: ['a', 'b'] },
  });
});

it.each([
  ['all levels', 'signature'],
  ['identity alone', 'identity'],
  ['keys blocked', 'identity'],
  ['unsigned and authorization', 'identity'],
])('at a route with %s, what was badly signed is asked for %s', (route, ask) => {
  expect(openingAsk(readProgressive({ levels: routes[route] ?? {} }, undefined, { a: 'A' }))).toBe(
    ask,
  );
});

describe('what a handler is told', () => {
  const told = (caller: Caller | undefined, levels: SignedLevels): unknown => {
    const weighing = weigh(caller, readProgressive({ levels }, undefined, { a: 'A', b: 'B' }));
    return weighing.kind === 'counted' ? weighing.access : weighing.kind;
  };
  const levels = { identity: ten, authorization: { perMinute: 20, scopes: ['a'] } };

  it('is authorization for a token that grants what that level asks for', () => {
    expect(told(callers['a token for a'], levels)).toMatchObject({ level: 'authorization' });
  });

  it('is no more than the agent for a token that grants something else', () => {
    expect(told(callers['a token for b'], levels)).toEqual({
      level: 'identity',
      scheme: 'jwt',
      thumbprint: key.thumbprint,
      agent,
      delegate: undefined,
    });
  });

  it('is no more than the agent for a token that was approved for something in particular', () => {
    const claims = { authorization_details: [{ type: 'payment' }] };
    const token: object = { ...content(['a']), claims };
    const limited: Caller = {
      kind: 'token-holder',
      scheme: 'jwt',
      key,
      token: token as unknown as VerifiedAuthToken,
    };
    expect(told(limited, levels)).toMatchObject({ level: 'identity' });
  });
});
