import { describe, expect, it } from 'vitest';
import { AAuthError } from '../src/index.js';

describe('an error', () => {
  it('says by its code who refused and whether trying again makes sense', () => {
    expect(new AAuthError('interaction_denied', 'x')).toMatchObject({
      refusedBy: 'person',
      retry: 'ask-person-again',
    });
    expect(new AAuthError('temporarily_unavailable', 'x')).toMatchObject({
      refusedBy: undefined,
      retry: 'later',
    });
    expect(new AAuthError('invalid_signature', 'x')).toMatchObject({
      refusedBy: undefined,
      retry: 'never',
    });
  });

  it('says what whoever makes it knows better', () => {
    const error = new AAuthError('discovery_failed', 'x', {
      refusedBy: 'resource',
      retry: 'never',
    });
    expect(error).toMatchObject({ refusedBy: 'resource', retry: 'never' });
  });
});
