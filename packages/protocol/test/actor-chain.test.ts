import { describe, expect, it } from 'vitest';
import { actClaim, MAX_ACTORS, readActors } from '@countersign/protocol';
import { identifier } from './kit.js';

const ISSUER = identifier('https://as.example');
const HOME = identifier('https://home.example');
const A = identifier('https://a.example');
const B = identifier('https://b.example');
const C = identifier('https://c.example');

const read = (act: unknown) => readActors(act, ISSUER, {});
const nested = (length: number): object | undefined =>
  length === 0 ? undefined : { agent: A, act: nested(length - 1) };

describe('A chain of actors', () => {
  it('is empty without the claim', () => {
    expect(read(undefined)).toEqual([]);
    expect(actClaim([], ISSUER)).toBeUndefined();
  });

  it('is read from the most recent actor on, each with the auth server that vouches for it', () => {
    const act = {
      agent: A,
      act: {
        agent: B,
        agent_delegate: 'phone',
        sub: 'ada',
        iss: HOME,
        act: { agent: C, sub: 'ada' },
      },
    };
    const actors = read(act);
    expect(actors).toEqual([
      { agent: A, delegate: undefined, subject: undefined, issuer: ISSUER },
      { agent: B, delegate: 'phone', subject: 'ada', issuer: HOME },
      // No `iss` of its own: it stood so in the token from home.
      { agent: C, delegate: undefined, subject: 'ada', issuer: HOME },
    ]);
    expect(actClaim(actors ?? [], ISSUER)).toEqual(act);
  });

  it('names the issuer again where a foreign token continued a chain of ours', () => {
    const act = { agent: A, iss: HOME, act: { agent: B, iss: ISSUER } };
    expect(read(act)?.map(({ issuer }) => issuer)).toEqual([HOME, ISSUER]);
    expect(actClaim(read(act) ?? [], ISSUER)).toEqual(act);
  });

  it('passes over members that mean nothing to it', () => {
    expect(read({ agent: A, amr: ['pwd'] })).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['text', A],
    ['null', null],
    ['a list', [{ agent: A }]],
    ['nothing', {}],
    ['an agent that is no identifier', { agent: `${A}/` }],
    ['an agent on plain http', { agent: 'http://127.0.0.1:8001' }],
    ['a number as sub', { agent: A, sub: 7 }],
    ['an empty sub', { agent: A, sub: '' }],
    ['a sub that is null', { agent: A, sub: null }],
    ['an endless sub', { agent: A, sub: 'x'.repeat(2049) }],
    ['an object as delegate', { agent: A, agent_delegate: {} }],
    ['an issuer that is no identifier', { agent: A, iss: 'home' }],
    ['a broken link further on', { agent: A, act: { agent: B, act: { sub: 'ada' } } }],
    ['an end that is null', { agent: A, act: null }],
  ])('is none made of %s', (_, act) => {
    expect(read({ agent: A })).toHaveLength(1);
    expect(read(act)).toBeUndefined();
  });

  it('is read up to its bound', () => {
    expect(read(nested(MAX_ACTORS))).toHaveLength(MAX_ACTORS);
    expect(read(nested(MAX_ACTORS + 1))).toBeUndefined();
  });
});
