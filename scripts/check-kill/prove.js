/** Runs the check against servers that break their promises. A check that finds nothing there proves nothing elsewhere. */
import { breakages } from './breakages.js';
import { BrokenPromise } from './history.js';
import { runCheck } from './run-check.js';

const MOST_KILLS = 20;

/** True when each of them whose name has `breakage` in it was found, and for what it is. */
export async function prove(name, { seed, breakage: wanted = '' }) {
  let missed = 0;
  for (const [breakage, { found, only = name }] of Object.entries(breakages)) {
    if (only !== name || !breakage.includes(wanted)) continue;
    const run = await runCheck({ name, kills: MOST_KILLS, seed, breakage });
    const { failure, kills } = run;
    const right = failure instanceof BrokenPromise && found.test(failure.message);
    if (!right) missed += 1;
    const what = failure === undefined ? 'nothing was found' : failure.message.slice(0, 200);
    console.log(
      `${name}: ${right ? 'found' : 'MISSED'} after ${kills} kills: ${breakage}: ${what}`,
    );
    if (!right && failure !== undefined) console.error(run.report);
  }
  return missed === 0;
}
