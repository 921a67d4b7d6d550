import { type AlgorithmName, generatePrivateJwk } from '@countersign/httpsig';
import {
  generateEncryptionJwk,
  isAAuthError,
  isJsonObject,
  type KeySet,
  loadKeySet,
  loadTokenOpener,
  type TokenOpener,
} from '@countersign/protocol';
import { open, readFile, stat } from 'node:fs/promises';
import { CommandError } from './command-error.js';

/**
 * Loads a keys file: a JWKS with private members, mode 0600. Made, with one Ed25519 key, when absent.
 * A file that others may read is refused: its keys may be known.
 */
export async function loadKeysFile(path: string, kid?: string): Promise<KeySet> {
  await createKeysFile(path, kid === undefined ? {} : { kid });
  let content = await readPrivateJson(path);
  // A single private JWK, as other tools write it, is a set of one.
  if (isJsonObject(content) && content['keys'] === undefined && content['kty'] !== undefined) {
    content = { keys: [content] };
  }
  try {
    return await loadKeySet(content);
  } catch (error) {
    if (isAAuthError(error)) throw new CommandError(`The keys file ${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Loads a file of encryption keys, which auth tokens are encrypted to: like a keys file, apart from it, with one P-256
 * key when it is made.
 */
export async function loadEncryptionKeysFile(path: string): Promise<TokenOpener> {
  await createFile(path, () => generateEncryptionJwk({ kid: 'encryption-key-1' }));
  try {
    return await loadTokenOpener(await readPrivateJson(path));
  } catch (error) {
    if (isAAuthError(error)) throw new CommandError(`The keys file ${path}: ${error.message}`);
    throw error;
  }
}

async function readPrivateJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CommandError(`Cannot read the keys file ${path}: ${whyOf(error)}.`);
  });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new CommandError(
      `Others may read the keys file ${path}: chmod 600 it, or make new keys.`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError(`The keys file ${path} is not JSON.`);
  }
}

/** Writes a new keys file with one key; false when a file of that name exists. */
export async function createKeysFile(
  path: string,
  options: { kid?: string; algorithm?: AlgorithmName } = {},
): Promise<boolean> {
  return await createFile(path, () => generatePrivateJwk(options));
}

async function createFile(path: string, make: () => Promise<object>): Promise<boolean> {
  let file;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new CommandError(`Cannot write the keys file ${path}: ${whyOf(error)}.`);
  }
  try {
    const key = await make();
    await file.writeFile(`${JSON.stringify({ keys: [key] }, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}

/** A key set that lives as long as the process. */
export async function temporaryKeys(kid: string): Promise<KeySet> {
  return await loadKeySet({ keys: [await generatePrivateJwk({ kid })] });
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such folder'],
  ['EACCES', 'it is not allowed'],
  ['EISDIR', 'it is a folder'],
  ['EROFS', 'the disk is read-only'],
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function whyOf(error: unknown): string {
  const code = codeOf(error);
  return WORDS.get(code) ?? code;
}
