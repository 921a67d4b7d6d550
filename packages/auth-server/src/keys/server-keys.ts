import {
  type AlgorithmName,
  generatePrivateJwk,
  importSigningKey,
  importVerificationKey,
  type PublicJwk,
  parsePublicJwk,
  type VerificationKey,
} from '@countersign/httpsig';
import { AAuthError, type Clock, type JsonObject, type PublishedKey } from '@countersign/protocol';
import type { SigningKeyRecord, Storage } from '../storage/index.js';
import { keepSeconds } from './keep-time.js';
import { type ScheduledKey, scheduleKeys } from './key-schedule.js';
import type { KeyVault } from './key-vault.js';

/** How often other processes' changes are looked for: well within the time for which a new key is only published. */
const READ_AGAIN_SECONDS = 30;
/** After the database has failed. */
const RETRY_SECONDS = 5;

/** The server's signing keys, as they are now. */
export interface ServerKeys {
  /** The key that signs now. */
  readonly current: PublishedKey;
  /** What is published: the key that signs first, then the next one and the retired ones. */
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  /** A key of the server's own that is published, by `kid`: its own tokens come back in exchanges. */
  readonly own: (kid: string) => Promise<VerificationKey | undefined>;
  /** Looks for changes, at most twice a minute. While the database does not answer, what is known goes on. */
  refresh(): Promise<void>;
}

export interface ServerKeysOptions {
  readonly storage: Pick<Storage, 'signingKeys' | 'settings'>;
  readonly vault: KeyVault;
  readonly clock: Clock;
  /** Told when the keys could not be read again. */
  readonly onTrouble: (error: unknown) => void;
  /** Of a key that is made at first start; `kid` is the thumbprint by default. */
  readonly first: {
    readonly kid?: string | undefined;
    readonly algorithm?: AlgorithmName | undefined;
  };
}

/** A new key, as it is stored. */
export async function makeKeyRecord(
  vault: KeyVault,
  options: { readonly kid?: string | undefined; readonly algorithm?: AlgorithmName | undefined },
  times: Pick<SigningKeyRecord, 'createdAt' | 'activeFrom'>,
): Promise<SigningKeyRecord> {
  const { algorithm = 'ed25519', kid } = options;
  const jwk = await generatePrivateJwk({ algorithm, ...(kid === undefined ? {} : { kid }) });
  const privateJwk = await vault.keep({ ...jwk } as JsonObject, jwk.kid);
  return { kid: jwk.kid, algorithm, privateJwk, ...times };
}

/**
 * Reads the keys from the storage, and makes one at first start: processes that start at once agree on it. Every stored key
 * is opened, so that a server which will not be able to sign does not start.
 */
export async function openServerKeys(options: ServerKeysOptions): Promise<ServerKeys> {
  const { storage, vault, clock, first, onTrouble } = options;
  let kept = 0;
  const imported = new Map<string, ImportedKey>();
  const unopened = new Map<string, Omit<ImportedKey, 'signing'>>();
  const read = async (first = false): Promise<readonly SigningKeyRecord[]> => {
    const records = await storage.signingKeys.list();
    kept = await keepSeconds(storage.settings);
    for (const record of records) {
      if (imported.has(record.kid)) continue;
      try {
        imported.set(record.kid, await importKey(record, vault));
      } catch (error) {
        if (first) throw error;
        // Encrypted with a key that this process has not got. Its public part is known, and that is what others need;
        // it may be opened the next time.
        onTrouble(error);
        unopened.set(record.kid, publicPart(record));
      }
    }
    const kids = new Set(records.map(({ kid }) => kid));
    for (const known of [imported, unopened]) {
      for (const kid of known.keys()) if (!kids.has(kid)) known.delete(kid);
    }
    return records;
  };

  if ((await storage.signingKeys.list()).length === 0) {
    const now = clock();
    const made = await makeKeyRecord(vault, first, { createdAt: now, activeFrom: now });
    await storage.signingKeys.insertIfNone(made);
  }
  let records = await read(true);
  let readAgainAt = clock() + READ_AGAIN_SECONDS;
  let reading: Promise<void> | undefined;

  const published = (): readonly ScheduledKey<SigningKeyRecord>[] =>
    scheduleKeys(records, clock(), kept).filter(({ state }) => state !== 'ended');
  const keyOf = ({ record }: ScheduledKey): Omit<ImportedKey, 'signing'> => {
    const key = imported.get(record.kid) ?? unopened.get(record.kid);
    if (key === undefined) throw new Error('a key that is listed has not been imported');
    return key;
  };
  const again = async (): Promise<void> => {
    try {
      records = await read();
      readAgainAt = clock() + READ_AGAIN_SECONDS;
    } catch (error) {
      // The database is away, or a key has been added that this process cannot open: those that are known go on.
      readAgainAt = clock() + RETRY_SECONDS;
      onTrouble(error);
    } finally {
      reading = undefined;
    }
  };
  return {
    get current() {
      const signing = published().find(({ state }) => state === 'signing');
      const key = signing === undefined ? undefined : imported.get(signing.record.kid);
      if (key === undefined) {
        throw new AAuthError('temporarily_unavailable', 'No key can sign now.', {
          rule: 'no_signing_key',
        });
      }
      return key.signing;
    },
    get jwks() {
      const order = ['signing', 'next', 'retired'];
      const keys = published()
        .toSorted((one, other) => order.indexOf(one.state) - order.indexOf(other.state))
        .map((key) => keyOf(key).publicJwk);
      return { keys };
    },
    own: async (kid) => {
      const found = published().find(({ record }) => record.kid === kid);
      return found === undefined ? undefined : await keyOf(found).verifying();
    },
    refresh: async () => {
      if (clock() < readAgainAt) return;
      reading ??= again();
      await reading;
    },
  };
}

interface ImportedKey {
  readonly signing: PublishedKey;
  readonly publicJwk: PublicJwk;
  /** Imported when it is first asked for. */
  readonly verifying: () => Promise<VerificationKey>;
}

async function importKey(record: SigningKeyRecord, vault: KeyVault): Promise<ImportedKey> {
  const { kid } = record;
  const signing = { ...(await importSigningKey(await vault.open(record))), kid };
  return { ...publicPart(record), signing };
}

/** What is published of a key: it stands in the record in the clear, sealed or not. */
function publicPart({ kid, privateJwk }: SigningKeyRecord): Omit<ImportedKey, 'signing'> {
  const publicJwk = { ...parsePublicJwk(privateJwk).jwk, kid };
  let verifying: Promise<VerificationKey> | undefined;
  return { publicJwk, verifying: () => (verifying ??= importVerificationKey(publicJwk)) };
}
