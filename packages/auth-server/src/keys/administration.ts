import { ALGORITHM_NAMES, type AlgorithmName } from '@countersign/httpsig';
import { AAuthError } from '@countersign/protocol';
import type { SigningKeyRecord, Storage } from '../storage/index.js';
import { keepSeconds } from './keep-time.js';
import { type KeyState, scheduleKeys } from './key-schedule.js';
import { createKeyVault, type KeyVaultOptions } from './key-vault.js';
import { makeKeyRecord } from './server-keys.js';

/** Longer than anybody keeps the JWKS: it says five minutes, and resources ask again for a `kid` they do not know. */
export const DEFAULT_OVERLAP_SECONDS = 600;
const MAX_OVERLAP_SECONDS = 30 * 86_400;
/** After its end, before its private part is removed: longer than the clocks of replicas may differ. */
const REMOVAL_SECONDS = 60;

/** What is to be known of a database for what becomes of its keys. */
export type KeyStorage = Pick<Storage, 'signingKeys' | 'settings'>;

/** A signing key, without the key. */
export interface SigningKeyInfo {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: KeyState;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly activeFrom: number;
  readonly retiredAt: number | undefined;
  /** Whether its private members are encrypted at rest. */
  readonly encrypted: boolean;
}

/** The server's signing keys in the order in which they sign. */
export async function listSigningKeys(
  storage: KeyStorage,
  now: number,
): Promise<readonly SigningKeyInfo[]> {
  const scheduled = scheduleKeys(
    await storage.signingKeys.list(),
    now,
    await keepSeconds(storage.settings),
  );
  return scheduled.map(({ record, state, retiredAt }) => {
    const { kid, algorithm, createdAt, activeFrom, privateJwk } = record;
    const encrypted = 'sealed' in privateJwk;
    return { kid, algorithm, state, createdAt, activeFrom, retiredAt, encrypted };
  });
}

export interface RotationOptions extends KeyVaultOptions {
  readonly storage: KeyStorage;
  /** Unix seconds. */
  readonly now: number;
  /** Default that of the last key; any that the protocol lets tokens be signed with. */
  readonly algorithm?: AlgorithmName | undefined;
  /** Default the thumbprint. */
  readonly kid?: string | undefined;
  /** Seconds for which the new key is published before it signs, 0 to 30 days; default 600. */
  readonly overlapSeconds?: number | undefined;
}

/**
 * Makes the next signing key. It is published at once, signs after the overlap, and the one before it stays published until
 * the last token that it signed has expired. Works while servers run; they notice within half a minute.
 *
 * Throws `AAuthError` `configuration_invalid` for an overlap or algorithm that is not possible, while another new key is
 * waiting, and for a `kid` that is taken. Keys that have ended are removed.
 */
export async function rotateSigningKey(options: RotationOptions): Promise<SigningKeyInfo> {
  const { storage, now, algorithm, kid, overlapSeconds = DEFAULT_OVERLAP_SECONDS } = options;
  if (
    !Number.isSafeInteger(overlapSeconds) ||
    overlapSeconds < 0 ||
    overlapSeconds > MAX_OVERLAP_SECONDS
  ) {
    invalid(`A key is published for 0 to ${MAX_OVERLAP_SECONDS} seconds before it signs.`);
  }
  if (algorithm !== undefined && !ALGORITHM_NAMES.includes(algorithm)) {
    invalid(`The algorithm must be one of ${ALGORITHM_NAMES.join(', ')}.`);
  }
  if (kid !== undefined && !/^[\w.-]{1,128}$/.test(kid)) {
    invalid('A kid is 1 to 128 letters, digits, dots, hyphens and underscores.');
  }
  const vault = await createKeyVault(options);
  const times = { createdAt: now, activeFrom: now + overlapSeconds };
  const last = (await storage.signingKeys.list()).at(-1);
  const wanted = algorithm ?? algorithmOf(last);
  const record = await makeKeyRecord(vault, { algorithm: wanted, kid }, times);
  switch (await storage.signingKeys.add(record, now)) {
    case 'taken':
      return invalid('There is a key of that kid already.');
    case 'pending':
      return invalid('A new key is waiting to be used already; see `countersign key list`.');
    case 'added':
      await removeEndedKeys(storage, now);
      return await infoOf(storage, record.kid, now);
  }
}

export interface RevocationOptions extends KeyVaultOptions {
  readonly storage: KeyStorage;
  readonly now: number;
  readonly kid: string;
}

/**
 * Removes a signing key that somebody else may have: it is published no more, and another one signs at once, the next one
 * or a new one. Every token it signed is refused as soon as verifiers ask for the keys again. Throws `AAuthError`
 * `configuration_invalid` for an unknown `kid`.
 */
export async function revokeSigningKey(options: RevocationOptions): Promise<SigningKeyInfo> {
  const { storage, kid, now } = options;
  const vault = await createKeyVault(options);
  await removeEndedKeys(storage, now);
  const revoked = (await storage.signingKeys.list()).find((key) => key.kid === kid);
  const times = { createdAt: now, activeFrom: now };
  const replacement = await makeKeyRecord(vault, { algorithm: algorithmOf(revoked) }, times);
  if (!(await storage.signingKeys.remove(kid, replacement, now))) {
    invalid('There is no signing key of that kid; see `countersign key list`.');
  }
  const keys = await listSigningKeys(storage, now);
  // Or, when another had begun in this very second, the one that does in the next.
  const signing = keys.find(({ state }) => state === 'signing') ?? keys.at(-1);
  if (signing === undefined) throw new Error('no key signs after a revocation');
  return signing;
}

/**
 * Removes what neither signs nor is published, and has not for a while: its private members are nobody's any more. Returns how
 * many went. Several processes may.
 */
export async function removeEndedKeys(storage: KeyStorage, now: number): Promise<number> {
  const records: readonly SigningKeyRecord[] = await storage.signingKeys.list();
  const kept = (await keepSeconds(storage.settings)) + REMOVAL_SECONDS;
  let removed = 0;
  for (const { record, state } of scheduleKeys(records, now, kept)) {
    // Never one that signs, so that the replacement is never used.
    if (state !== 'ended') continue;
    if (await storage.signingKeys.remove(record.kid, record, now, 'ended')) removed += 1;
  }
  return removed;
}

async function infoOf(storage: KeyStorage, wanted: string, now: number): Promise<SigningKeyInfo> {
  const found = (await listSigningKeys(storage, now)).find(({ kid }) => kid === wanted);
  if (found === undefined) throw new Error('the new key is gone');
  return found;
}

/** Encrypts what is stored plain, or with an earlier key-encryption key. Returns the `kid`s. All or nothing. */
export async function encryptSigningKeys(
  options: KeyVaultOptions & {
    readonly storage: KeyStorage;
    readonly now: number;
  },
): Promise<readonly string[]> {
  const vault = await createKeyVault(options);
  return await vault.encryptStored(options.storage.signingKeys, options.now);
}

function algorithmOf(key: SigningKeyRecord | undefined): AlgorithmName | undefined {
  return ALGORITHM_NAMES.find((name) => name === key?.algorithm);
}

function invalid(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}
