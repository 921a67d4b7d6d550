/**
 * Runs the property tests with many more examples: `npm run check:fuzz -- 50` for fifty times as many (the default).
 * A property that fails prints its seed and path, with which the same examples can be run again.
 */
import { build, runPackage } from './run.js';

const factor = Number(process.argv[2] ?? 50);
if (!(factor >= 1)) {
  console.error('Give a factor of 1 or more.');
  process.exit(2);
}
build();
process.exitCode = runPackage(
  'vitest',
  'vitest',
  [
    'run',
    '--testTimeout=1800000',
    'properties',
    'json',
    'identifiers',
    'scope',
    'agent-auth-challenge',
    'display-text',
    'x509',
  ],
  { ...process.env, COUNTERSIGN_FUZZ_FACTOR: String(factor) },
);
