import { type Bytes, decodeBase64Url, encodeBase64Url, sha256, utf8 } from '@countersign/httpsig';
import { AAuthError, type Random } from '@countersign/protocol';

/** Encrypts what a store keeps, so that whoever reads the database reads nothing (AES-256-GCM). */
export interface Sealing {
  /** `key` is the record's key: a value that was moved to another record does not open. */
  seal(key: string, value: unknown): Promise<string>;
  /** `undefined` for anything that was not sealed with one of the keys for this record. */
  open(key: string, sealed: string): Promise<unknown>;
}

const KEY_BYTES = 32;
const IV_BYTES = 12;

interface SealingKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * Makes a sealing of keys of 32 random bytes as base64url. The first seals, all open: a key is changed by putting a new
 * one in front. Throws `AAuthError` `configuration_invalid` for anything else, never with the key in the message.
 */
export function createSealing(secrets: readonly string[], random: Random): Sealing {
  const decoded = secrets.map((secret, index) => {
    const bytes = decodeBase64Url(secret);
    if (bytes?.length === KEY_BYTES) return bytes;
    throw new AAuthError(
      'configuration_invalid',
      `Sealing key ${index + 1} must be 32 random bytes as base64url without padding.`,
    );
  });
  const [first, ...others] = decoded;
  if (first === undefined) {
    throw new AAuthError('configuration_invalid', 'At least one sealing key is needed.');
  }
  let imported: Promise<readonly [SealingKey, ...SealingKey[]]> | undefined;
  const keys = (): Promise<readonly [SealingKey, ...SealingKey[]]> =>
    (imported ??= importAll(first, others));

  return {
    async seal(key, value) {
      const [current] = await keys();
      const iv = random(IV_BYTES);
      const sealed = await crypto.subtle.encrypt(
        { name: 'AES-GCM', iv, additionalData: utf8(key) },
        current.key,
        utf8(JSON.stringify(value)),
      );
      return `${current.id}.${encodeBase64Url(iv)}.${encodeBase64Url(new Uint8Array(sealed))}`;
    },
    async open(key, sealed) {
      const [id, ivText = '', text = ''] = sealed.split('.');
      const known = (await keys()).find((one) => one.id === id);
      const iv = decodeBase64Url(ivText);
      const bytes = decodeBase64Url(text);
      if (known === undefined || iv === undefined || bytes === undefined) return undefined;
      try {
        const opened = await crypto.subtle.decrypt(
          { name: 'AES-GCM', iv, additionalData: utf8(key) },
          known.key,
          bytes,
        );
        return JSON.parse(new TextDecoder().decode(opened)) as unknown;
      } catch {
        return undefined;
      }
    },
  };
}

async function importAll(
  first: Bytes,
  others: readonly Bytes[],
): Promise<readonly [SealingKey, ...SealingKey[]]> {
  const one = async (bytes: Bytes): Promise<SealingKey> => ({
    id: encodeBase64Url((await sha256(bytes)).subarray(0, 6)),
    key: await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
  });
  return [await one(first), ...(await Promise.all(others.map(one)))];
}
