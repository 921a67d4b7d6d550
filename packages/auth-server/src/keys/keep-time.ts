import type { SettingStore } from '../storage/index.js';

const SETTING = 'longest-auth-token-seconds';
/** What verifiers allow for clocks at the most (PROTOCOL section 3), and replicas to notice that another key signs. */
const ALLOWANCE_SECONDS = 60;
/** What is known of a database on which no server has been started. */
const LONGEST_LIFE_SECONDS = 86_400;

/**
 * Writes down how long this server's auth tokens live, so that every server and command on the database keeps retired keys for
 * as long as the longest ones, even after the setting has been made smaller.
 */
export async function noteTokenLife(
  settings: Pick<SettingStore, 'raise'>,
  seconds: number,
): Promise<void> {
  await settings.raise(SETTING, seconds);
}

/** Seconds for which a retired key stays published: what its last token lives, and the allowance of verifiers. */
export async function keepSeconds(settings: Pick<SettingStore, 'get'>): Promise<number> {
  const known = Number((await settings.get(SETTING)) ?? NaN);
  return (Number.isSafeInteger(known) ? known : LONGEST_LIFE_SECONDS) + ALLOWANCE_SECONDS;
}
