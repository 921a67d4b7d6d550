/**
 * Measurements, never tests: each against a baseline in the same run. `npm run bench -- --quick` takes fewer rounds;
 * `npm run bench -- auth-server` and `npm run bench -- verifier` run one half.
 */
import { cpus } from 'node:os';
import { authServer } from './auth-server/run.js';
import { guardedRoute } from './guarded-route.js';
import { againstPeers } from './peers.js';
import { steadyState } from './steady-state.js';
import { verifyInProcess } from './verify-in-process.js';

const quick = process.argv.includes('--quick');
const settings = quick
  ? { quick, rounds: 1, milliseconds: 300 }
  : { quick, rounds: 5, milliseconds: 1000 };
console.log(
  `Node ${process.version}, ${cpus().length} cores, medians of ${settings.rounds} rounds`,
);
const only = process.argv.slice(2).find((word) => !word.startsWith('--'));
if (only !== 'auth-server') {
  await verifyInProcess(settings);
  await guardedRoute(settings);
  await againstPeers(settings);
  await steadyState({ requests: quick ? 20_000 : 1_000_000 });
}
if (only !== 'verifier') await authServer(settings);
process.exit();
