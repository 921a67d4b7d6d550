import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from './chromium.js';
import { build, root, runPackage } from './run.js';

// Some of the command-line tests start the compiled program; everything else runs from the sources.
build();
const results = join(root, '.test-results/results.json');
mkdirSync(join(root, '.test-results'), { recursive: true });
rmSync(results, { force: true });
const status = runPackage(
  'vitest',
  'vitest',
  [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${results}`,
    ...process.argv.slice(2),
  ],
  { ...process.env, COUNTERSIGN_CHROMIUM: findChromium() },
);
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
    readFileSync(results, 'utf8'),
  );
  const skipped = numPendingTests + numTodoTests;
  console.log(
    `${numPassedTests} passed, ${numFailedTests} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  );
} catch {
  console.error('The test runner wrote no results.');
}
process.exitCode = status;
