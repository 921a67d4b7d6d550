/**
 * Lays the command out for production in a directory of its own: compiled code and production dependencies by the
 * lock file, nothing else, with a code cache for the Node that runs this. `npm run stage -- DIRECTORY`; the container image
 * and the systemd unit are made of it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { bundle } from './bundle.js';
import { makeCodeCache } from './code-cache.js';
import { build, root } from './run.js';

const [given, ...more] = process.argv.slice(2);
if (given === undefined || more.length > 0) {
  console.error('npm run stage -- DIRECTORY: a directory that does not exist yet, or is empty.');
  process.exit(2);
}
const target = resolve(given);
if (existsSync(target) && readdirSync(target).length > 0) {
  console.error(`${target} is not empty: name a new directory for each version.`);
  process.exit(2);
}

const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Information for compilers is of no use to the program. */
const isWanted = (file) => !/\.(?:tsbuildinfo|map|d\.ts)$/.test(basename(file));

const isNew = !existsSync(target);
build();
try {
  mkdirSync(target, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'LICENSE']) {
    cpSync(join(root, file), join(target, file));
  }
  for (const workspace of workspaces) {
    for (const part of ['package.json', 'dist', 'bin']) {
      const from = join(root, workspace, part);
      if (!existsSync(from)) continue;
      cpSync(from, join(target, workspace, part), { recursive: true, filter: isWanted });
    }
  }
  await bundle(join(target, 'packages/cli/program'));
  execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: target,
    stdio: 'inherit',
  });
  makeCodeCache(join(target, 'packages/cli'));
} catch (error) {
  for (const one of readdirSync(target)) rmSync(join(target, one), { recursive: true });
  if (isNew) rmSync(target, { recursive: true });
  console.error(`Nothing was left in ${target}: ${error.message}`);
  process.exit(1);
}
console.log(
  `Staged in ${target}: the command is ${join(target, 'packages/cli/bin/countersign.js')}`,
);
