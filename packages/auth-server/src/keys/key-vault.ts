import { AAuthError, type JsonObject } from '@countersign/protocol';
import type { SigningKeyRecord, SigningKeyStore } from '../storage/index.js';
import {
  isSealed,
  type KeyEncryptionKey,
  readKeyEncryptionKey,
  seal,
  sealerOf,
  unseal,
} from './seal.js';

export interface KeyVaultOptions {
  readonly issuer: string;
  /** Encrypts signing keys at rest: 32 random bytes, base64url. Without it they are stored as they are. */
  readonly keyEncryptionKey?: string | undefined;
  /** Earlier ones, with which stored keys may still be encrypted. */
  readonly previousKeyEncryptionKeys?: readonly string[] | undefined;
}

/** How signing keys are kept. */
export interface KeyVault {
  /** What is to be stored of a private JWK. */
  keep(jwk: JsonObject, kid: string): Promise<JsonObject>;
  /** The private JWK of a stored key. Throws `configuration_invalid` when it cannot be opened. */
  open(record: Pick<SigningKeyRecord, 'kid' | 'privateJwk'>): Promise<JsonObject>;
  /**
   * Encrypts with the present key what is stored plain or encrypted with an earlier one, all or nothing. Returns the `kid`s
   * of those that were changed. Opens all of them first, so that nothing is written when one cannot be.
   */
  encryptStored(store: SigningKeyStore, now: number): Promise<readonly string[]>;
}

/** Throws `configuration_invalid` for a key-encryption key that is none. */
export async function createKeyVault(options: KeyVaultOptions): Promise<KeyVault> {
  const { issuer, keyEncryptionKey, previousKeyEncryptionKeys = [] } = options;
  const present =
    keyEncryptionKey === undefined ? undefined : await readKeyEncryptionKey(keyEncryptionKey);
  const previous = await Promise.all(previousKeyEncryptionKeys.map(readKeyEncryptionKey));
  const all: readonly KeyEncryptionKey[] =
    present === undefined ? previous : [present, ...previous];
  const keep: KeyVault['keep'] = async (jwk, kid) =>
    present === undefined ? jwk : await seal(jwk, present, { issuer, kid });
  const open: KeyVault['open'] = async ({ kid, privateJwk }) =>
    isSealed(privateJwk) ? await unseal(privateJwk, all, { issuer, kid }) : privateJwk;
  return {
    keep,
    open,
    encryptStored: async (store, now) => {
      if (present === undefined) {
        throw new AAuthError('configuration_invalid', 'There is no key-encryption key.');
      }
      const records = await store.list();
      const opened = await Promise.all(records.map(open));
      const changed = records.flatMap((record, index) => {
        const jwk = opened[index];
        return jwk === undefined || sealerOf(record.privateJwk) === present.name
          ? []
          : [{ kid: record.kid, jwk }];
      });
      const sealed = await Promise.all(
        changed.map(async ({ kid, jwk }) => ({ kid, privateJwk: await keep(jwk, kid) })),
      );
      if (sealed.length > 0 && !(await store.replaceAll(sealed, now))) {
        throw new AAuthError(
          'configuration_invalid',
          'A signing key was removed in the meantime: nothing has been changed. Try again.',
        );
      }
      return changed.map(({ kid }) => kid);
    },
  };
}
