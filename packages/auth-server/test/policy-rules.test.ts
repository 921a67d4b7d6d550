import { describe, expect, it } from 'vitest';
import { isAAuthError, type ServerIdentifier } from '@countersign/protocol';
import {
  type AccessRequest,
  type ExchangeRequest,
  type PolicyRules,
  readPolicyFile,
  readPolicyRules,
  rulePolicy,
} from '../src/index.js';

const id = (text: string) => text as ServerIdentifier;

const ACCESS = {
  agent: 'https://agent.example',
  audience: 'https://api.example',
  scopes: ['data.read'],
  decision: 'grant',
};
const EXCHANGE = {
  caller: 'https://api.example',
  audience: 'https://down.example',
  scopes: ['items.read'],
};

function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return error.message;
    throw error;
  }
  throw new Error('not refused');
}

describe('Rules', () => {
  it('are read as they stand', () => {
    const rules = {
      access: [
        { ...ACCESS, name: 'Nightly: reads' },
        { agent: '*', delegate: null, audience: '*', decision: 'deny' },
      ],
      exchange: [EXCHANGE, { ...EXCHANGE, trustedIssuer: 'https://a.example', carrySubject: true }],
    };
    expect(readPolicyRules(rules)).toEqual(rules);
    expect(readPolicyFile({ otherwise: 'deny', ...rules })).toEqual({ otherwise: 'deny', rules });
    expect(readPolicyRules({})).toEqual({ access: [], exchange: [] });
  });

  it.each<[string, unknown, string]>([
    ['text', 'access', 'the top level must be an object'],
    ['a list', [], 'the top level must be an object'],
    [
      'another list',
      { acess: [] },
      'the top level has an unknown member "acess"; it may have access, exchange',
    ],
    ['no list', { access: {} }, 'access must be a list'],
    ['a rule that is none', { access: [ACCESS, 7] }, 'access[1] must be an object'],
    [
      'a name of control characters',
      { access: [{ ...ACCESS, name: 'a\nb' }] },
      'access[0].name must be 1 to 64 letters, digits, spaces, dots,',
    ],
    [
      'a name that is too long',
      { exchange: [{ ...EXCHANGE, name: 'n'.repeat(65) }] },
      'exchange[0].name must be 1 to 64 letters, digits, spaces, dots,',
    ],
    [
      'an unknown member',
      { access: [{ ...ACCESS, scope: 'x' }] },
      'access[0] has an unknown member "scope"; it may have name, agent, delegate, audience, scopes, acceptDetails, decision',
    ],
    [
      'no agent',
      { access: [{ ...ACCESS, agent: undefined }] },
      'access[0].agent must be a server identifier',
    ],
    [
      'an agent with a slash',
      { access: [{ ...ACCESS, agent: 'https://agent.example/' }] },
      'access[0].agent must be a server identifier',
    ],
    [
      'plain http',
      { access: [{ ...ACCESS, audience: 'http://127.0.0.1:1' }] },
      'access[0].audience is plain http',
    ],
    [
      'a grant to anybody',
      { access: [{ ...ACCESS, agent: '*' }] },
      'access[0].agent must be named in a rule that grants',
    ],
    [
      'a grant anywhere',
      { access: [{ ...ACCESS, audience: '*' }] },
      'access[0].audience must be named in a rule that grants',
    ],
    [
      'a grant of anything',
      { access: [{ ...ACCESS, scopes: undefined }] },
      'access[0].scopes must be given in a rule that grants',
    ],
    [
      'no scopes',
      { access: [{ ...ACCESS, scopes: [] }] },
      'access[0].scopes must be a list of scope names',
    ],
    [
      'scopes as text',
      { access: [{ ...ACCESS, scopes: 'a b' }] },
      'access[0].scopes must be a list of scope names',
    ],
    [
      'two scopes in one',
      { access: [{ ...ACCESS, scopes: ['a b'] }] },
      'access[0].scopes must be a list of scope names',
    ],
    [
      'a scope twice',
      { access: [{ ...ACCESS, scopes: ['a', 'a'] }] },
      'access[0].scopes must be a list of scope names',
    ],
    [
      'no decision',
      { access: [{ ...ACCESS, decision: undefined }] },
      'access[0].decision must be "grant", "deny" or "ask-person"',
    ],
    [
      'another decision',
      { access: [{ ...ACCESS, decision: 'allow' }] },
      'access[0].decision must be "grant", "deny" or "ask-person"',
    ],
    [
      'an empty delegate',
      { access: [{ ...ACCESS, delegate: '' }] },
      'access[0].delegate must be the sub of a delegate, or null',
    ],
    [
      'any caller',
      { exchange: [{ ...EXCHANGE, caller: '*' }] },
      'exchange[0].caller must be a server identifier',
    ],
    [
      'any resource',
      { exchange: [{ ...EXCHANGE, audience: '*' }] },
      'exchange[0].audience must be a server identifier',
    ],
    [
      'an exchange for anything',
      { exchange: [{ ...EXCHANGE, scopes: undefined }] },
      'exchange[0].scopes must be a list of scope names',
    ],
    [
      'a subject of our own',
      { exchange: [EXCHANGE, { ...EXCHANGE, carrySubject: true }] },
      'exchange[1].carrySubject is for a rule with trustedIssuer',
    ],
    [
      'a subject that is text',
      { exchange: [{ ...EXCHANGE, trustedIssuer: 'https://a.example', carrySubject: 'yes' }] },
      'exchange[0].carrySubject must be true or false',
    ],
    [
      'particulars that are text',
      { exchange: [{ ...EXCHANGE, acceptDetails: 'yes' }] },
      'exchange[0].acceptDetails must be true or false',
    ],
    [
      'particulars that are denied in some cases',
      { access: [{ ...ACCESS, decision: 'deny', acceptDetails: true }] },
      'access[0].acceptDetails must be true or false, in a rule that grants',
    ],
    [
      'any issuer',
      { exchange: [{ ...EXCHANGE, trustedIssuer: '*' }] },
      'exchange[0].trustedIssuer must be a server identifier',
    ],
  ])('with %s are refused, and it is said where', (_, rules, message) => {
    expect(messageOf(() => readPolicyRules(rules))).toContain(`Policy: ${message}`);
  });

  it('do not repeat what was written in the wrong place', () => {
    const secret = 'tok en'.repeat(20);
    expect(messageOf(() => readPolicyRules({ [secret]: [] }))).not.toContain(secret);
    expect(
      messageOf(() => readPolicyRules({ access: [{ ...ACCESS, agent: secret }] })),
    ).not.toContain(secret);
  });

  it('in a file need a word about everything else', () => {
    for (const otherwise of [undefined, 'grant', 'always', true]) {
      expect(messageOf(() => readPolicyFile({ otherwise }))).toBe(
        'Policy: otherwise must be "ask-person" or "deny".',
      );
      expect(messageOf(() => rulePolicy({}, { otherwise: otherwise as 'deny' }))).toContain(
        'otherwise',
      );
    }
  });

  it('may name loopback where that was switched on', () => {
    const access = [{ ...ACCESS, agent: 'http://127.0.0.1:8001' }];
    expect(readPolicyRules({ access }, { insecureLoopback: true }).access).toEqual(access);
  });
});

describe('A policy of rules', () => {
  it('says which rule decided, by its name or its place', async () => {
    const denying = { ...ACCESS, decision: 'deny' as const, scopes: ['data.burn'] };
    const policy = rulePolicy(
      {
        access: [
          { ...denying, name: 'no fire' },
          { ...ACCESS, decision: 'grant' },
        ],
      },
      { otherwise: 'deny' },
    );
    const ruleFor = async (...scopes: string[]) => (await policy({ ...request, scopes })).rule;
    expect(await ruleFor('data.burn')).toBe('no fire');
    expect(await ruleFor(...ACCESS.scopes)).toBe('access[1]');
    expect(await ruleFor('something.else')).toBe('otherwise');
  });

  const request: AccessRequest = {
    kind: 'access',
    agent: id('https://agent.example'),
    delegate: undefined,
    audience: id('https://api.example'),
    scopes: ['data.read'],
  };
  const decide = async (rules: readonly object[], more: Partial<AccessRequest> = {}) => {
    const policy = rulePolicy({ access: rules } as PolicyRules, { otherwise: 'ask-person' });
    return (await policy({ ...request, ...more })).decision;
  };

  it('grants what a rule names, and nothing else', async () => {
    expect(await decide([ACCESS])).toBe('grant');
    expect(await decide([ACCESS], { agent: id('https://other.example') })).toBe('ask-person');
    expect(await decide([ACCESS], { audience: id('https://other.example') })).toBe('ask-person');
    expect(await decide([ACCESS], { scopes: ['data.read', 'data.write'] })).toBe('ask-person');
    expect(await decide([ACCESS], { scopes: [] })).toBe('ask-person');
    expect(await decide([ACCESS], { kind: 'sign-in' })).toBe('ask-person');
  });

  it('grants what is asked for in particular only where a rule says so', async () => {
    const particular = { authorizationDetails: [{ type: 'payment', amount: '20' }] };
    expect(await decide([ACCESS], particular)).toBe('ask-person');
    expect(await decide([{ ...ACCESS, acceptDetails: true }], particular)).toBe('grant');
    const deny = { agent: '*', audience: '*', decision: 'deny' };
    expect(await decide([ACCESS, deny], particular)).toBe('deny');
  });

  it('means the agent with its delegates, one delegate, or the agent alone', async () => {
    const one = { delegate: 'phone-1' };
    expect(await decide([ACCESS], one)).toBe('grant');
    expect(await decide([{ ...ACCESS, ...one }], one)).toBe('grant');
    expect(await decide([{ ...ACCESS, ...one }], { delegate: 'phone-2' })).toBe('ask-person');
    expect(await decide([{ ...ACCESS, ...one }])).toBe('ask-person');
    expect(await decide([{ ...ACCESS, delegate: null }])).toBe('grant');
    expect(await decide([{ ...ACCESS, delegate: null }], one)).toBe('ask-person');
  });

  it('denies a request with any of the scopes: one more does not get around it', async () => {
    const deny = { agent: '*', audience: '*', scopes: ['data.delete'], decision: 'deny' };
    expect(await decide([deny], { scopes: ['data.delete', 'data.read'] })).toBe('deny');
    expect(await decide([deny])).toBe('ask-person');
    const all = { agent: 'https://agent.example', audience: '*', decision: 'deny' };
    expect(await decide([all])).toBe('deny');
    expect(await decide([all], { kind: 'sign-in' })).toBe('deny');
  });

  it('takes the first rule that fits', async () => {
    const deny = { agent: '*', audience: '*', decision: 'deny' };
    expect(await decide([ACCESS, deny])).toBe('grant');
    expect(await decide([deny, ACCESS])).toBe('deny');
  });

  const exchange: ExchangeRequest = {
    caller: id('https://api.example'),
    audience: id('https://down.example'),
    scopes: ['items.read'],
    upstream: {
      issuer: id('https://as.example'),
      foreign: false,
      agent: id('https://agent.example'),
      delegate: undefined,
      subject: 'ada',
      scopes: ['data.read'],
      actors: [],
    },
  };
  const decideExchange = async (rules: readonly object[], more: Partial<ExchangeRequest> = {}) => {
    const policy = rulePolicy({ exchange: rules } as PolicyRules, { otherwise: 'ask-person' });
    return await policy.exchange?.({ ...exchange, ...more });
  };
  const foreign = { ...exchange.upstream, issuer: id('https://home.example'), foreign: true };
  const grant = (carrySubject = false) => ({
    decision: 'grant',
    carrySubject,
    rule: 'exchange[0]',
  });
  const denied = { decision: 'deny', rule: 'no rule' };

  it('allows the exchange that a rule names, and no other', async () => {
    expect(await decideExchange([EXCHANGE])).toEqual(grant());
    expect(await decideExchange([])).toEqual(denied);
    for (const change of [
      { caller: id('https://other.example') },
      { audience: id('https://other.example') },
      { scopes: ['items.read', 'items.write'] },
      { scopes: [] },
      { upstream: foreign },
    ]) {
      expect(await decideExchange([EXCHANGE], change)).toEqual(denied);
    }
  });

  it('carries a foreign subject where the rule for that very server says so', async () => {
    const rule = { ...EXCHANGE, trustedIssuer: 'https://home.example' };
    expect(await decideExchange([rule], { upstream: foreign })).toEqual(grant());
    expect(await decideExchange([rule])).toEqual(denied);
    const carrying = { ...rule, carrySubject: true };
    expect(await decideExchange([carrying], { upstream: foreign })).toEqual(grant(true));
    const third = { ...foreign, issuer: id('https://third.example') };
    expect(await decideExchange([carrying], { upstream: third })).toEqual(denied);
  });
});
