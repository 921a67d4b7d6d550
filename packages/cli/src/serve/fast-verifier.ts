import type { SignatureVerifier } from '@countersign/httpsig';

const byPlatform: SignatureVerifier = (key, signature, data) => key.verify(signature, data);

/**
 * Verification by libsodium where `sodium-native` is installed and runs here: half the time for Ed25519. The platform's
 * own elsewhere, and until it has been loaded, which begins with the first check: no start waits for it.
 */
export function fastVerifier(): SignatureVerifier {
  let verify: SignatureVerifier | undefined;
  return (key, signature, data) => {
    if (verify === undefined) {
      verify = byPlatform;
      import('@countersign/httpsig/sodium').then(
        ({ sodiumVerifier }) => {
          verify = sodiumVerifier();
        },
        () => undefined,
      );
    }
    return verify(key, signature, data);
  };
}
