import { type AuthServer, StorageError } from '@countersign/auth-server';
import { storageReason } from '../options/database.js';

const SWEEP_MILLISECONDS = 60_000;

/** Sweeps expired rows once a minute. What is returned ends it, a sweep that is under way with the database's closing. */
export function sweepRegularly(
  authServer: Pick<AuthServer, 'sweep'>,
  note: (line: string) => void,
): () => void {
  let stopped = false;
  const sweeping = setInterval(() => {
    authServer.sweep().catch((error: unknown) => {
      // The rest waits for the next start.
      if (stopped) return;
      const why = error instanceof StorageError ? storageReason(error) : String(error);
      note(`Sweeping expired rows failed: ${why}`);
    });
  }, SWEEP_MILLISECONDS);
  return () => {
    stopped = true;
    clearInterval(sweeping);
  };
}
