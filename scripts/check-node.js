/** Runs the tests and the demonstration on further Node versions, fetched from the package registry. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findChromium } from './chromium.js';
import { build, root } from './run.js';

const VERSIONS = process.argv.length > 2 ? process.argv.slice(2) : ['20.19.0', '22', '24'];

build();
const chromium = findChromium();
for (const version of VERSIONS) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-node-'));
  try {
    // The platform's own package holds the program; the one called `node` would fetch it by an install script.
    const name = `node-${process.platform}-${process.arch}`;
    execFileSync(
      'npm',
      ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${version}`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const bin = join(folder, 'node_modules', name, 'bin');
    const node = join(bin, 'node');
    const env = {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      COUNTERSIGN_CHROMIUM: chromium,
    };
    const run = (...args) => execFileSync(node, args, { cwd: root, stdio: 'inherit', env });
    run('--version');
    run('packages/cli/bin/countersign.js', 'demo', '--quiet');
    run('node_modules/vitest/vitest.mjs', 'run', '--reporter=dot');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`Works on Node ${VERSIONS.join(', ')}.`);
