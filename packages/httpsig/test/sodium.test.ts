import { describe, expect, it } from 'vitest';
import { generatePrivateJwk, importSigningKey, importVerificationKey, utf8 } from '../src/index.js';
import { sodiumVerifier } from '../src/sodium.js';

const verify = sodiumVerifier();
const data = utf8('"@method": GET');

async function signedBy(algorithm: 'ed25519' | 'ecdsa-p256-sha256') {
  const signing = await importSigningKey(await generatePrivateJwk({ algorithm }));
  return {
    key: await importVerificationKey(signing.publicJwk),
    signature: await signing.sign(data),
  };
}

describe('verification by libsodium', () => {
  it.each(['ed25519', 'ecdsa-p256-sha256'] as const)(
    'agrees with the platform on %s',
    async (algorithm) => {
      const { key, signature } = await signedBy(algorithm);
      expect(await verify(key, signature, data)).toBe(true);
      expect(await key.verify(signature, data)).toBe(true);
      const changed = Uint8Array.from(signature, (byte, at) => (at === 3 ? byte ^ 1 : byte));
      expect(await verify(key, changed, data)).toBe(false);
      expect(await verify(key, signature, utf8('"@method": PUT'))).toBe(false);
      expect(await verify((await signedBy(algorithm)).key, signature, data)).toBe(false);
    },
  );

  it('shares many checks at once with the thread pool, each with its own verdict', async () => {
    const { key, signature } = await signedBy('ed25519');
    const changed = Uint8Array.from(signature, (byte, at) => (at === 40 ? byte ^ 1 : byte));
    const verdicts = await Promise.all(
      Array.from(
        { length: 200 },
        async (_, at) => await verify(key, at % 3 === 0 ? changed : signature, data),
      ),
    );
    expect(verdicts).toEqual(verdicts.map((_, at) => at % 3 !== 0));
  });

  it.each([0, 63, 65])('refuses a signature of %i bytes', async (length) => {
    const { key } = await signedBy('ed25519');
    expect(await verify(key, new Uint8Array(length), data)).toBe(false);
  });
});
