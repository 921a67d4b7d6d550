#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

// Node before 20.20 calls WebCrypto's Ed25519 experimental, at every run and on standard error.
const emitWarning = process.emitWarning.bind(process);
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).includes('Ed25519 Web Crypto API')) emitWarning(warning, ...rest);
};

// A packed or staged command is in few files, and its auth server in one: both start in half the time.
const [program, server, compiled] = [
  '../program/main.js',
  '../program/auth-server.cjs',
  '../dist/main.js',
].map((path) => fileURLToPath(new URL(path, import.meta.url)));
const main = [program, compiled].find((path) => existsSync(path));
const [, , command, party] = process.argv;
if (command === 'serve' && party === 'auth-server' && existsSync(server)) {
  const { runPacked } = await import('./run-packed.js');
  runPacked(server);
} else if (main !== undefined) {
  await import(pathToFileURL(main).href);
} else {
  process.stderr.write('countersign has not been built yet: run `npm run build` first.\n');
  process.exitCode = 1;
}
