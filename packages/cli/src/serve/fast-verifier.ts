import type { SignatureVerifier } from '@countersign/httpsig';

/**
 * Verification by libsodium where `sodium-native` is installed and runs here: half the time for Ed25519. Otherwise
 * `undefined`, which stands for the platform's own.
 */
export async function fastVerifier(): Promise<SignatureVerifier | undefined> {
  try {
    const { sodiumVerifier } = await import('@countersign/httpsig/sodium');
    return sodiumVerifier();
  } catch {
    return undefined;
  }
}
