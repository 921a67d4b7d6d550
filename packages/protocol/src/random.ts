import { type Bytes, encodeBase64Url, sha256Text } from '@countersign/httpsig';

/** A source of random bytes. Injected, so that tests can be repeated. */
export type Random = (length: number) => Bytes;

/** The platform's cryptographic random numbers. */
export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** A secret of `bits` random bits (a multiple of 8) as base64url. */
export function randomSecret(random: Random, bits: number): string {
  return encodeBase64Url(random(bits / 8));
}

/** Enough for some dozens of secrets: asking for random bytes takes 9 µs here, however few they are. */
const SUPPLY_BYTES = 1024;

/** Makes the function that makes secrets, each cut from a supply of random bytes and forgotten there. */
export function secretSource(random: Random): (bits: number) => string {
  let supply: Bytes = new Uint8Array();
  return (bits) => {
    const length = bits / 8;
    if (supply.length < length) supply = random(Math.max(SUPPLY_BYTES, length));
    const part = supply.subarray(0, length);
    supply = supply.subarray(length);
    const secret = encodeBase64Url(part);
    part.fill(0);
    return secret;
  };
}

/** SHA-256 of a secret as base64url: what stores keep instead of the secret. */
export function hashSecret(secret: string): Promise<string> {
  return Promise.resolve(sha256Text(secret));
}
