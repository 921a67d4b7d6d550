import { type Bytes, encodeBase64Url } from '@countersign/httpsig';

/** A source of random bytes. Injected, so that tests can be repeated. */
export type Random = (length: number) => Bytes;

/** The platform's cryptographic random numbers. */
export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** A secret of `bits` random bits (a multiple of 8) as base64url. */
export function randomSecret(random: Random, bits: number): string {
  return encodeBase64Url(random(bits / 8));
}

/** SHA-256 of a secret as base64url: what stores keep instead of the secret. */
export async function hashSecret(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret));
  return encodeBase64Url(new Uint8Array(digest));
}
