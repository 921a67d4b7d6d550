import { rotateSigningKey } from '@countersign/auth-server';
import { ALGORITHM_NAMES, type AlgorithmName } from '@countersign/httpsig';
import { systemClock } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import type { KeyOptions } from '../commands/key.js';
import { withExistingStorage } from '../options/database.js';
import { note } from '../terminal.js';
import { keyLine } from './list.js';
import { vaultOptions } from './vault-options.js';

/** `countersign key rotate`. */
export async function rotateKey(options: KeyOptions): Promise<void> {
  const algorithm = readAlgorithm(options.algorithm);
  const overlapSeconds = readOverlap(options.after);
  const made = await withExistingStorage(options.database, async (storage) =>
    rotateSigningKey({
      ...(await vaultOptions(storage, options)),
      storage,
      now: systemClock(),
      algorithm,
      kid: options.kid,
      overlapSeconds,
    }),
  );
  process.stdout.write(keyLine(made));
  note(
    'Servers notice within half a minute. The key before it stays published until its last token has expired.',
  );
}

function readAlgorithm(name: string | undefined): AlgorithmName | undefined {
  if (name === undefined) return undefined;
  const found = ALGORITHM_NAMES.find((one) => one === name);
  if (found !== undefined) return found;
  throw new UsageError(`--algorithm is "${name}": it takes ${ALGORITHM_NAMES.join(', ')}.`);
}

const MOST_SECONDS = 30 * 86_400;

function readOverlap(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (seconds <= MOST_SECONDS) return seconds;
  throw new UsageError(`--after is "${text}": it takes whole seconds, from 0 to ${MOST_SECONDS}.`);
}
