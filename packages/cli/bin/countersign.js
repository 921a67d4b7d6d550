#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Node before 20.20 calls WebCrypto's Ed25519 experimental, at every run and on standard error.
const emitWarning = process.emitWarning.bind(process);
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).includes('Ed25519 Web Crypto API')) emitWarning(warning, ...rest);
};

// A packed or staged command is in few files, which start in half the time.
const main = ['../program/main.js', '../dist/main.js']
  .map((path) => new URL(path, import.meta.url))
  .find((path) => existsSync(path));
if (main !== undefined) {
  await import(main.href);
} else {
  process.stderr.write('countersign has not been built yet: run `npm run build` first.\n');
  process.exitCode = 1;
}
