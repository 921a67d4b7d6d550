'use strict';
const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { Script } = require('node:vm');

/** Where the code cache of a file is: for this very Node, since no other can read it. */
function codeCacheOf(file) {
  const { version, platform, arch } = process;
  return path.join(
    path.dirname(file),
    `${path.basename(file)}.${version}-${platform}-${arch}.cache`,
  );
}

/**
 * Runs a packed CommonJS file. With a code cache beside it, as `npm run stage` leaves one, nothing is compiled that has been
 * compiled before. It belongs to whoever owns the program, and nothing is ever written here: a cache that servers filled
 * themselves would be code that a server can change. One that V8 does not take is no worse than none.
 */
function runPacked(file) {
  const cache = codeCacheOf(file);
  if (!existsSync(cache)) {
    require(file);
    return;
  }
  compilePacked(file, readFileSync(cache)).run();
}

/** The file, compiled and not run yet. */
function compilePacked(file, cachedData) {
  const source = readFileSync(file, 'utf8');
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    {
      filename: file,
      cachedData,
    },
  );
  return {
    script,
    run: () => {
      const requireThere = Module.createRequire(file);
      const module = Object.assign(new Module(file), { filename: file, loaded: true });
      // What it loads later refers back to it.
      requireThere.cache[file] = module;
      const wrapped = script.runInThisContext();
      wrapped(module.exports, requireThere, module, file, path.dirname(file));
    },
  };
}

module.exports = { codeCacheOf, compilePacked, runPacked };
