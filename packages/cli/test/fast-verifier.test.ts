import {
  generatePrivateJwk,
  importSigningKey,
  importVerificationKey,
  utf8,
  type VerificationKey,
} from '@countersign/httpsig';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fastVerifier } from '../src/serve/fast-verifier.js';

const ENTRY = '@countersign/httpsig/sodium';
const DATA = utf8('what was signed');

/** A key that counts how often the platform is asked without another primitive, and a signature of it. */
async function watchedKey() {
  const signing = await importSigningKey(await generatePrivateJwk());
  const own = await importVerificationKey(signing.publicJwk);
  let asked = 0;
  const key: VerificationKey = {
    algorithm: own.algorithm,
    jwk: own.jwk,
    thumbprint: own.thumbprint,
    verify: (signature, data, here) => {
      if (here === undefined) asked += 1;
      return own.verify(signature, data, here);
    },
  };
  return { key, signature: await signing.sign(DATA), askedPlatform: () => asked };
}

describe('verification by libsodium', () => {
  afterEach(() => {
    vi.doUnmock(ENTRY);
  });

  it('takes over from the platform once sodium-native has been loaded, with the same verdicts', async () => {
    const { key, signature, askedPlatform } = await watchedKey();
    const verify = fastVerifier();
    expect(await verify(key, signature, DATA)).toBe(true);
    expect(askedPlatform()).toBe(1);
    await vi.dynamicImportSettled();
    expect(await verify(key, signature, DATA)).toBe(true);
    expect(await verify(key, signature, utf8('something else'))).toBe(false);
    expect(askedPlatform()).toBe(1);
  });

  it('is left to the platform where sodium-native is not installed, or does not run', async () => {
    vi.doMock(ENTRY, () => {
      throw new Error('Cannot find package sodium-native');
    });
    const { key, signature, askedPlatform } = await watchedKey();
    const verify = fastVerifier();
    expect(await verify(key, signature, DATA)).toBe(true);
    await vi.dynamicImportSettled();
    expect(await verify(key, signature, DATA)).toBe(true);
    expect(askedPlatform()).toBe(2);
  });
});
