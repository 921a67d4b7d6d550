/** Measurements, never tests: each against a baseline in the same run. `npm run bench -- --quick` takes fewer rounds. */
import { cpus } from 'node:os';
import { guardedRoute } from './guarded-route.js';
import { againstPeers } from './peers.js';
import { steadyState } from './steady-state.js';
import { verifyInProcess } from './verify-in-process.js';

const quick = process.argv.includes('--quick');
const settings = quick ? { rounds: 1, milliseconds: 300 } : { rounds: 5, milliseconds: 1000 };
console.log(
  `Node ${process.version}, ${cpus().length} cores, medians of ${settings.rounds} rounds`,
);
await verifyInProcess(settings);
await guardedRoute(settings);
await againstPeers(settings);
await steadyState({ requests: quick ? 20_000 : 1_000_000 });
