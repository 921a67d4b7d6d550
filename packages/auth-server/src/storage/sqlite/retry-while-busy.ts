import { setTimeout as pause } from 'node:timers/promises';
import { isBusy } from './sqlite-failure.js';

const FIRST_PAUSE_MILLISECONDS = 1;
const LONGEST_PAUSE_MILLISECONDS = 4;

/**
 * Attempts again while another connection holds the lock, for `limitMilliseconds` of pauses in all.
 *
 * SQLite's own `busy_timeout` would wait too, but on this thread: nothing else would be served in the meantime, and
 * when the lock is held by a second connection of this very process it could never be released.
 */
export async function retryWhileBusy<T>(attempt: () => T, limitMilliseconds: number): Promise<T> {
  let next = FIRST_PAUSE_MILLISECONDS;
  for (let waited = 0; ; waited += next, next = Math.min(next * 2, LONGEST_PAUSE_MILLISECONDS)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || waited >= limitMilliseconds) throw error;
    }
    await pause(next);
  }
}
