import { importVerificationKey, type VerificationKey } from '@countersign/httpsig';
import type { Caller, ExpiredAuthToken, VerifiedAuthToken } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { identifier, makeSigningKey, NOW } from '../../protocol/test/kit.js';
import { decide, openingChallenge } from '../src/decide.js';
import { type Requirement, readRequirement } from '../src/requirement.js';

const key: VerificationKey = await importVerificationKey((await makeSigningKey()).publicJwk);
const agent = identifier('https://agent.example');

const content = (scope: readonly string[], named: boolean): object => ({
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
const valid = (scope: string[], named = true): Caller => {
  const token = content(scope, named) as VerifiedAuthToken;
  return { kind: 'token-holder', scheme: 'jwt', key, token };
};
const expired = (named = true): Caller => {
  const token = content(['a', 'b'], named) as ExpiredAuthToken;
  return { kind: 'expired-token-holder', scheme: 'jwt', key, token };
};

const callers = {
  'a bare key': { kind: 'key', scheme: 'hwk', key },
  'a published key': { kind: 'key', scheme: 'jwks', key },
  'an agent': { kind: 'agent', scheme: 'jwks', key, agent, delegate: undefined },
  'a delegate': { kind: 'agent', scheme: 'jwt', key, agent, delegate: 'd' },
  'a token for a': valid(['a']),
  'a token for a and b': valid(['a', 'b']),
  'a token for more': valid(['c', 'b', 'a']),
  'a token for nothing': valid([]),
  'a sign-in token': valid(['a', 'b'], false),
  'an expired token': expired(),
  'an expired sign-in token': expired(false),
} satisfies Record<string, Caller>;

const requirements: Record<string, Requirement> = {
  signature: { level: 'signature' },
  identity: { level: 'identity' },
  a: { level: 'authorization', scopes: ['a'] },
  'a and b': { level: 'authorization', scopes: ['a', 'b'] },
};

/** Per caller: what becomes of it at each requirement, in the order above. */
const table: Record<keyof typeof callers, [string, string, string, string]> = {
  'a bare key': ['signature', 'ask identity', 'ask identity', 'ask identity'],
  'a published key': ['signature', 'ask identity', 'ask identity', 'ask identity'],
  'an agent': ['identity', 'identity', 'ask a', 'ask a b'],
  'a delegate': ['identity', 'identity', 'ask a', 'ask a b'],
  'a token for a': [
    'authorization',
    'authorization',
    'authorization',
    'insufficient_scope: ask a b',
  ],
  'a token for a and b': ['authorization', 'authorization', 'authorization', 'authorization'],
  'a token for more': ['authorization', 'authorization', 'authorization', 'authorization'],
  'a token for nothing': [
    'authorization',
    'authorization',
    'insufficient_scope: ask a',
    'insufficient_scope: ask a b',
  ],
  'a sign-in token': ['signature', 'ask identity', 'ask identity', 'ask identity'],
  'an expired token': [
    'invalid_token: ask signature',
    'invalid_token: ask identity',
    'invalid_token: ask a',
    'invalid_token: ask a b',
  ],
  'an expired sign-in token': [
    'invalid_token: ask signature',
    'invalid_token: ask identity',
    'invalid_token: ask identity',
    'invalid_token: ask identity',
  ],
};

function outcome(caller: Caller, requirement: Requirement): string {
  const decision = decide(caller, requirement);
  if (decision.kind === 'access') return decision.access.level;
  const { ask, error } = decision;
  const what = typeof ask === 'string' ? ask : ask.scopes.join(' ');
  return `${error === undefined ? '' : `${error.code}: `}ask ${what}`;
}

describe.each(Object.entries(requirements))('where %s is asked for', (name, requirement) => {
  const column = Object.keys(requirements).indexOf(name);
  it.each(Object.keys(callers) as (keyof typeof callers)[])('%s', (caller) => {
    expect(outcome(callers[caller], requirement)).toBe(table[caller][column]);
  });
});

describe('a resource token is asked for', () => {
  it.each(['an agent', 'a delegate', 'a token for nothing', 'an expired token'] as const)(
    'the agent and the very key of %s',
    (name) => {
      const decision = decide(callers[name], { level: 'authorization', scopes: ['a', 'b'] });
      expect(decision).toMatchObject({
        kind: 'challenge',
        ask: { agent, agentThumbprint: key.thumbprint, scopes: ['a', 'b'] },
      });
    },
  );
});

it('access says what was proved and no more', () => {
  const at = (caller: Caller) => decide(caller, { level: 'signature' });
  const thumbprint = key.thumbprint;
  expect(at(callers['a bare key'])).toEqual({
    kind: 'access',
    access: { level: 'signature', scheme: 'hwk', thumbprint },
  });
  expect(at(callers['a delegate'])).toEqual({
    kind: 'access',
    access: { level: 'identity', scheme: 'jwt', thumbprint, agent, delegate: 'd' },
  });
  expect(at(callers['a sign-in token'])).toEqual({
    kind: 'access',
    access: { level: 'signature', scheme: 'jwt', thumbprint },
  });
  expect(at(callers['a token for a'])).toMatchObject({
    access: { level: 'authorization', agent, subject: 'testuser', scope: ['a'] },
  });
});

it('too little scope is told in words, with every scope that is needed', () => {
  const decision = decide(callers['a token for a'], { level: 'authorization', scopes: ['a', 'b'] });
  expect(decision).toMatchObject({ error: { message: expect.stringContaining('a b') as string } });
});

it.each([
  ['signature', 'signature'],
  ['identity', 'identity'],
  ['a', 'identity'],
])('where %s is asked for, one who did not sign is asked for %s', (name, challenge) => {
  expect(openingChallenge(requirements[name] ?? { level: 'signature' })).toBe(challenge);
});

describe('a requirement', () => {
  const known = { a: 'A', b: 'B' };
  it.each<[Parameters<typeof readRequirement>[0], Requirement]>([
    ['signature', { level: 'signature' }],
    ['identity', { level: 'identity' }],
    [{ scopes: ['a'] }, { level: 'authorization', scopes: ['a'] }],
    [{ scopes: ['b', 'a'] }, { level: 'authorization', scopes: ['b', 'a'] }],
  ])('%j is read', (written, requirement) => {
    expect(readRequirement(written, { scopes: known })).toEqual(requirement);
  });

  it.each([[[]], [['c']], [['a', 'c']], [['A']], [['constructor']], [['__proto__']], [['']]])(
    'for the scopes %j is refused',
    (scopes) => {
      expect(() => readRequirement({ scopes }, { scopes: known })).toThrow(
        expect.objectContaining({ code: 'configuration_invalid' }),
      );
    },
  );
});
