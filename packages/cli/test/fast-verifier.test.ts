import { afterEach, describe, expect, it, vi } from 'vitest';
import { fastVerifier } from '../src/serve/fast-verifier.js';

const ENTRY = '@countersign/httpsig/sodium';

describe('verification by libsodium', () => {
  afterEach(() => {
    vi.doUnmock(ENTRY);
    vi.resetModules();
  });

  it('is taken where sodium-native is installed', async () => {
    expect(await fastVerifier()).toBeTypeOf('function');
  });

  it('is left where it is not, or does not run on this machine', async () => {
    vi.resetModules();
    vi.doMock(ENTRY, () => {
      throw new Error('Cannot find package sodium-native');
    });
    expect(await fastVerifier()).toBeUndefined();
  });
});
