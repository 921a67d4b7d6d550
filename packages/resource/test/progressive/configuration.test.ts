import { type AAuthError, isAAuthError, memoryReplayStore } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { aauth } from '../../src/hono.js';
import {
  createResource,
  type OpenRequirement,
  type ProgressiveRequirement,
  type ProgressiveResource,
} from '../../src/index.js';
import { SCOPES } from '../support.js';
import { LEVELS, makeLimitedApi } from './support.js';

const made = await makeLimitedApi();

function refusal(act: () => unknown): AAuthError {
  try {
    act();
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('a route with levels cannot be made', () => {
  it.each<[string, unknown, RegExp]>([
    ['with a level that is none', { levels: { ...LEVELS, person: { perMinute: 1 } } }, /person/],
    ['that accepts nobody', { levels: {} }, /at least one level/],
    ['that blocks everybody', { levels: { signature: 'blocked' } }, /at least one level/],
    ['with a limit of nought', { levels: { identity: { perMinute: 0 } } }, /identity/],
    ['with a limit of half a request', { levels: { identity: { perMinute: 0.5 } } }, /identity/],
    ['with a limit in words', { levels: { identity: { perMinute: '9' } } }, /perMinute/],
    ['with a level without limit', { levels: { identity: {} } }, /perMinute/],
    ['with a level that is on', { levels: { identity: true } }, /level identity/],
    [
      'with less together than alone',
      { levels: { signature: { perMinute: 10, perMinuteTogether: 9 } } },
      /perMinuteTogether of the level signature/,
    ],
    [
      'with authorization for no scope',
      { levels: { authorization: { perMinute: 1, scopes: [] } } },
      /at least one scope/,
    ],
    [
      'with an unknown scope',
      { levels: { authorization: { perMinute: 1, scopes: ['data.raed'] } } },
      /data\.raed/,
    ],
    [
      'that blocks the highest level',
      { levels: { ...LEVELS, authorization: 'blocked' } },
      /authori/,
    ],
    [
      'that allows some agents and everybody who names none',
      { levels: LEVELS, agents: { allow: ['https://agent.example'] } },
      /level unsigned/,
    ],
  ])('%s, and the error says so', (_what, requirement, message) => {
    const written = requirement as OpenRequirement;
    expect(refusal(() => made.api.accepts(written)).message).toMatch(message);
    expect(refusal(() => aauth(made.api, written)).message).toMatch(message);
    expect(refusal(() => made.api.guard(written, () => new Response())).message).toMatch(message);
  });

  it.each<[string, OpenRequirement | ProgressiveRequirement]>([
    ['with every level', { levels: LEVELS }],
    ['with one', { levels: { unsigned: { perMinute: 1 } } }],
    [
      'with an equal limit together',
      { levels: { signature: { perMinute: 1, perMinuteTogether: 1 } } },
    ],
    [
      'with allowed agents where all have names',
      { levels: { identity: { perMinute: 1 } }, agents: { allow: ['https://agent.example'] } },
    ],
    [
      'with allowed agents where the nameless are blocked',
      {
        levels: { unsigned: 'blocked', signature: 'blocked', identity: { perMinute: 1 } },
        agents: { allow: ['https://agent.example'] },
      },
    ],
    [
      'with denied agents at any level',
      { levels: LEVELS, agents: { deny: ['https://x.example'] } },
    ],
  ])('but can %s', (_what, requirement) => {
    expect(() => made.api.accepts(requirement)).not.toThrow();
  });

  it('without a store that counts: it is required, by type and at run time', () => {
    const { resource, discovery, clock } = made;
    const api = createResource({
      id: resource.id,
      keys: resource.keys,
      authServers: ['https://as.example'],
      scopes: SCOPES,
      discovery,
      clock,
      replay: memoryReplayStore({ clock }),
    });
    // @ts-expect-error a resource without rateLimits has no routes with levels
    expect(refusal(() => aauth(api, { levels: LEVELS })).message).toMatch(/rateLimits/);
    // @ts-expect-error nor by a guard
    expect(refusal(() => api.guard({ levels: LEVELS }, () => new Response())).message).toMatch(
      /memoryRateLimitStore/,
    );
    expect(() => aauth(api, 'signature')).not.toThrow();
  });
});

/** Compiled, never run: what handlers must and need not deal with. */
export function types(api: ProgressiveResource): void {
  api.guard('signature', (_request, access) => new Response(access.thumbprint));
  const { signature, identity } = LEVELS;
  const signed = api.guard(
    { levels: { signature, identity } },
    (_request, access) => new Response(access.thumbprint),
  );
  // @ts-expect-error where callers are counted by address the connection must be passed
  void signed(new Request('https://rs.example/'));
  api.guard(
    { levels: { unsigned: { perMinute: 1 }, identity } },
    // @ts-expect-error an unsigned caller has no thumbprint
    (_request, access) => new Response(access.thumbprint),
  );
}
