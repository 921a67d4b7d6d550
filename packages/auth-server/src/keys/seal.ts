import {
  decodeBase64Url,
  encodeBase64Url,
  parsePublicJwk,
  sha256,
  utf8,
} from '@countersign/httpsig';
import { AAuthError, isJsonObject, type JsonObject, parseStrictJson } from '@countersign/protocol';

/** A key that encrypts the signing keys at rest, and its name in what it has encrypted. */
export interface KeyEncryptionKey {
  /** The beginning of its SHA-256: says which key it was and nothing about it. */
  readonly name: string;
  readonly key: CryptoKey;
}

const VERSION = 1;

/**
 * Reads a key-encryption key: 32 random bytes, base64url without padding. Throws `configuration_invalid`, which does not
 * repeat it.
 */
export async function readKeyEncryptionKey(text: string): Promise<KeyEncryptionKey> {
  const bytes = decodeBase64Url(text.trim());
  if (bytes?.length !== 32) {
    throw new AAuthError(
      'configuration_invalid',
      'The key-encryption key must be 32 random bytes, base64url without padding (43 characters).',
    );
  }
  return {
    name: encodeBase64Url((await sha256(bytes)).slice(0, 9)),
    key: await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
  };
}

/** True for a key whose private members are encrypted. */
export function isSealed(jwk: JsonObject): boolean {
  return 'sealed' in jwk;
}

/** The name of the key that encrypted it. */
export function sealerOf({ sealed }: JsonObject): string | undefined {
  return isJsonObject(sealed) && typeof sealed['by'] === 'string' ? sealed['by'] : undefined;
}

/** Encrypts the private members of a JWK (AES-256-GCM). Bound to the issuer and the `kid`: no other record takes it. */
export async function seal(
  jwk: JsonObject,
  by: KeyEncryptionKey,
  context: { readonly issuer: string; readonly kid: string },
): Promise<JsonObject> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const parameters = { name: 'AES-GCM', iv, additionalData: boundTo(context) };
  const text = utf8(JSON.stringify(jwk));
  const bytes = new Uint8Array(await crypto.subtle.encrypt(parameters, by.key, text));
  const { kid: _kid, ...publicMembers } = parsePublicJwk(jwk).jwk;
  return {
    ...publicMembers,
    kid: context.kid,
    sealed: {
      version: VERSION,
      by: by.name,
      iv: encodeBase64Url(iv),
      bytes: encodeBase64Url(bytes),
    },
  };
}

/** Decrypts what {@link seal} made with one of `keys`. Throws `configuration_invalid` that says what is wrong. */
export async function unseal(
  jwk: JsonObject,
  keys: readonly KeyEncryptionKey[],
  context: { readonly issuer: string; readonly kid: string },
): Promise<JsonObject> {
  const { sealed } = jwk;
  const by = sealerOf(jwk);
  const refuse = (why: string): never => {
    throw new AAuthError('configuration_invalid', `The signing key ${context.kid} ${why}`);
  };
  const key = keys.find(({ name }) => name === by);
  if (key === undefined) {
    return refuse(
      `is encrypted with the key-encryption key "${by ?? 'unknown'}", which is not configured` +
        (keys.length === 0 ? '.' : `; configured: ${keys.map(({ name }) => name).join(', ')}.`),
    );
  }
  const { version, iv, bytes } = isJsonObject(sealed) ? sealed : {};
  const nonce = typeof iv === 'string' ? decodeBase64Url(iv) : undefined;
  const data = typeof bytes === 'string' ? decodeBase64Url(bytes) : undefined;
  if (version !== VERSION || nonce?.length !== 12 || data === undefined) {
    return refuse('is kept in a form that is not known.');
  }
  const parameters = { name: 'AES-GCM', iv: nonce, additionalData: boundTo(context) };
  const plain = await crypto.subtle.decrypt(parameters, key.key, data).catch(() => undefined);
  if (plain === undefined) {
    return refuse('is damaged, or belongs to another record: its encryption does not verify.');
  }
  const opened = parseStrictJson(new TextDecoder().decode(plain));
  return isJsonObject(opened) ? opened : refuse('is damaged.');
}

function boundTo({ issuer, kid }: { readonly issuer: string; readonly kid: string }) {
  return utf8(`countersign signing key\n${issuer}\n${kid}`);
}
