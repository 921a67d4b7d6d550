/**
 * Kills the auth server at random moments under load, on both databases, and checks after each start that every answer
 * it has given still holds: `npm run check:kill -- --kills 100 --database sqlite --seed 7`. On PostgreSQL two replicas
 * run, of which one goes on; and now and then the database is what is killed. The seed repeats what is chosen, not at
 * which instruction the server dies. `--prove` shows that the check finds servers that break their promises,
 * `--breakage TEXT` only those whose names have it in them.
 */
import { parseArgs } from 'node:util';
import { build } from './run.js';

const DATABASES = ['sqlite', 'postgres'];
/** `npm run check:power` runs this with it. */
const WITH_POWER_CUTS = 'power';

function readOptions() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '100' },
      seed: { type: 'string', default: `${Math.floor(Math.random() * 1e9)}` },
      database: { type: 'string', multiple: true, default: DATABASES },
      prove: { type: 'boolean', default: false },
      breakage: { type: 'string' },
    },
  });
  for (const name of ['kills', 'seed']) {
    if (!/^\d{1,9}$/.test(values[name])) throw new Error(`--${name} is a whole number.`);
  }
  for (const name of values.database) {
    if (!DATABASES.includes(name) && name !== WITH_POWER_CUTS) {
      throw new Error(`--database is "${name}"; it may be ${DATABASES.join(' or ')}.`);
    }
  }
  return { ...values, kills: Number(values.kills), seed: Number(values.seed) };
}

let options;
try {
  options = readOptions();
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
const { kills, seed, database, prove } = options;
build();
console.log(`Seed ${seed}`);
for (const name of database) {
  if (!(await (prove ? proveOn(name) : checkOn(name)))) process.exitCode = 1;
}
process.exit();

async function proveOn(name) {
  const proof = await import('./check-kill/prove.js');
  return await proof.prove(name, options);
}

async function checkOn(name) {
  const { runCheck } = await import('./check-kill/run-check.js');
  const begun = performance.now();
  const onProgress = (done) => {
    if (done % 10 === 0) console.log(`${name}: ${done} of ${kills} kills, all is well`);
  };
  const run = await runCheck({ name, kills, seed, onProgress });
  const { failure, report, crashes, counts } = run;
  if (failure !== undefined) {
    console.error(`\n${name}: after ${run.kills} kills, with --seed ${seed}: ${failure.message}`);
    console.error(report);
  }
  const downtimes = run.downtimes.toSorted((one, other) => one - other);
  const at = (share) => downtimes[Math.floor((downtimes.length - 1) * share)]?.toFixed(0);
  console.log(
    `${name}: ${run.kills} kills${crashes > 0 ? ` (${crashes} of the database)` : ''} ` +
      `in ${((performance.now() - begun) / 1000).toFixed(0)} s, ` +
      `from start to first answer ${at(0.5)} ms, at most ${at(1)} ms`,
  );
  for (const [what, count] of Object.entries(counts)) {
    console.log(`  ${String(count).padStart(7)} ${what}`);
  }
  return failure === undefined;
}
