#!/usr/bin/env node
'use strict';
// CommonJS, unlike the rest: a server that is restarted need not wait for Node's loader of modules.
const { existsSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
require('./without-warning.js');

// A packed or staged command is in few files, and its auth server in one: both start in half the time.
const [program, server, compiled] = [
  'program/main.js',
  'program/auth-server.cjs',
  'dist/main.js',
].map((file) => path.join(__dirname, '..', file));
const main = [program, compiled].find((file) => existsSync(file));
const [, , command, party] = process.argv;
if (command === 'serve' && party === 'auth-server' && existsSync(server)) {
  require('./run-packed.js').runPacked(server);
} else if (main !== undefined) {
  void import(pathToFileURL(main).href);
} else {
  process.stderr.write('countersign has not been built yet: run `npm run build` first.\n');
  process.exitCode = 1;
}
