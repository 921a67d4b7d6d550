import { listSigningKeys, type SigningKeyInfo } from '@countersign/auth-server';
import { systemClock } from '@countersign/protocol';
import type { KeyOptions } from '../commands/key.js';
import { withExistingStorage } from '../options/database.js';

/** `countersign key list`. */
export async function listKeys({ database, json }: KeyOptions): Promise<void> {
  const keys = await withExistingStorage(database, (storage) =>
    listSigningKeys(storage, systemClock()),
  );
  process.stdout.write(json ? `${JSON.stringify(keys)}\n` : keys.map(keyLine).join(''));
}

/** `signing  ed25519  KID  since 2026-11-25 07:00:00Z, encrypted`. */
export function keyLine(key: SigningKeyInfo): string {
  const { state, algorithm, kid, activeFrom, encrypted } = key;
  const when = new Date(activeFrom * 1000).toISOString().replace('T', ' ').replace('.000', '');
  const kept = encrypted ? 'encrypted' : 'stored plain';
  const word = state === 'next' ? 'signs from' : 'since';
  return `${state.padEnd(8)} ${algorithm.padEnd(18)} ${kid}  ${word} ${when}, ${kept}\n`;
}
