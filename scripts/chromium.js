import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { runPackage } from './run.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installed() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...ELSEWHERE].find(executable);
}

function playwrights() {
  const path = chromium.executablePath();
  return existsSync(path) ? path : undefined;
}

function installDistributions() {
  const isRoot = process.getuid?.() === 0;
  const hasApt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!isRoot || !hasApt) return;
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    execFileSync('apt-get', ['install', '-y', '-qq', 'chromium'], { stdio: 'inherit' });
  } catch {
    console.error('The distribution has no chromium package that can be installed.');
  }
}

/** The path of a Chromium: the one named, an installed one, Playwright's, or the distribution's package. */
export function findChromium() {
  const named = process.env.COUNTERSIGN_CHROMIUM;
  if (named !== undefined) {
    if (executable(named)) return named;
    console.error(`COUNTERSIGN_CHROMIUM names ${named}, which cannot be run.`);
    process.exit(1);
  }
  let found = installed() ?? playwrights();
  if (found === undefined) {
    console.log('No Chromium is installed; fetching one for the browser tests.');
    runPackage('playwright-core', 'playwright-core', ['install', 'chromium']);
    found = playwrights();
  }
  if (found === undefined) {
    installDistributions();
    found = installed();
  }
  if (found === undefined) {
    console.error(
      'The browser tests need a Chromium and none could be had. Install one (Debian: apt-get install chromium),\n' +
        'or set COUNTERSIGN_CHROMIUM to the path of one.',
    );
    process.exit(1);
  }
  return found;
}
