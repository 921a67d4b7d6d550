import { existsSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** Where the code cache of a file is: for this very Node, since no other can read it. */
export function codeCacheOf(file) {
  const { version, platform, arch } = process;
  return join(dirname(file), `${basename(file)}.${version}-${platform}-${arch}.cache`);
}

/**
 * Runs a packed CommonJS file. With a code cache beside it, as `npm run stage` leaves one, nothing is compiled that has been
 * compiled before. It belongs to whoever owns the program, and nothing is ever written here: a cache that servers filled
 * themselves would be code that a server can change. One that V8 does not take is no worse than none.
 */
export function runPacked(file) {
  const require = createRequire(file);
  const cache = codeCacheOf(file);
  if (!existsSync(cache)) {
    require(file);
    return;
  }
  compilePacked(file, readFileSync(cache)).run();
}

/** The file, compiled and not run yet. */
export function compilePacked(file, cachedData) {
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
      const require = createRequire(file);
      const module = Object.assign(new Module(file), { filename: file, loaded: true });
      // What it loads later refers back to it.
      require.cache[file] = module;
      const wrapped = script.runInThisContext();
      wrapped(module.exports, require, module, file, dirname(file));
    },
  };
}
