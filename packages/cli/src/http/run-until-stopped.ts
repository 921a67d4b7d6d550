import { note } from '../terminal.js';

/**
 * Waits for SIGTERM or SIGINT, then runs `stop` once. A second signal ends the process at once.
 */
export async function runUntilStopped(stop: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const onSignal = (): void => {
      process.once('SIGTERM', () => process.exit(1));
      process.once('SIGINT', () => process.exit(1));
      resolve();
    };
    process.once('SIGTERM', onSignal);
    process.once('SIGINT', onSignal);
  });
  note('Stopping: finishing the requests in flight.');
  await stop();
}
