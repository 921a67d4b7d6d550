/**
 * Measurements, never tests: each against a baseline in the same run. `npm run bench -- --quick` takes fewer rounds;
 * `npm run bench -- verifier`, `-- auth-server` and `-- replicas` run one part.
 */
import { cpus } from 'node:os';
import { replicas } from './auth-server/replicas.js';
import { authServer } from './auth-server/run.js';
import { guardedRoute } from './guarded-route.js';
import { againstPeers } from './peers.js';
import { steadyState } from './steady-state.js';
import { verifyInProcess } from './verify-in-process.js';

const quick = process.argv.includes('--quick');
const settings = quick
  ? { quick, rounds: 1, milliseconds: 300 }
  : { quick, rounds: 5, milliseconds: 1000 };
console.log(`Node ${process.version}, ${cpus().length} cores`);
const parts = {
  verifier: async () => {
    console.log(`\nVerifier: medians of ${settings.rounds} rounds`);
    await verifyInProcess(settings);
    await guardedRoute(settings);
    await againstPeers(settings);
    await steadyState({ requests: quick ? 20_000 : 1_000_000 });
  },
  'auth-server': () => authServer(settings),
  replicas: () => replicas(settings),
};
const only = process.argv.slice(2).find((word) => !word.startsWith('--'));
if (only !== undefined && parts[only] === undefined) {
  throw new Error(`there is ${Object.keys(parts).join(', ')}, not ${only}`);
}
for (const [name, measure] of Object.entries(parts)) {
  if (only === undefined || only === name) await measure();
}
process.exit();
