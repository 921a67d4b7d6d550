/**
 * Puts the command and what it always loads into few files: a program of a thousand modules spends most of its start on
 * finding them. `npm run bundle -- DIRECTORY`; packing and staging do it.
 *
 * The auth server, which has to be back at once when it is restarted, gets all that it loads at every start in one file of
 * its own. That is CommonJS: half of what it costs to load the same as a module is spent on promises and on reading the
 * names of what Node's own modules export. Names stay as they are, so that the stack of a fault in a log can be read.
 *
 * Outside stay native modules and what only some runs load.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './run.js';

const OUTSIDE = [
  /^@node-rs\/argon2/,
  /^@opentelemetry\//,
  /^libsql/,
  /^open$/,
  /^pg/,
  /^pino/,
  /^prom-client/,
  /^sodium-native/,
];

/** Bundles what `npm run build` compiled into `directory`, which has to lie beside the command's `dist`. */
export async function bundle(directory) {
  rmSync(directory, { recursive: true, force: true });
  const command = await write('main.js', {
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  });
  const server = await write('main-auth-server.js', {
    dir: directory,
    format: 'cjs',
    entryFileNames: 'auth-server.cjs',
    chunkFileNames: 'auth-server/[name]-[hash].cjs',
    codeSplitting: { groups: [{ name: 'always', tags: ['$initial'] }] },
    // What is outside can be had by `require`: code that did not come as a module must not import without a warning.
    dynamicImportInCjs: false,
    plugins: [inAscii],
  });
  writeFileSync(join(directory, 'THIRD-PARTY.txt'), licensesOf([...command, ...server]));
}

/** Returns the modules that went in. */
async function write(entry, options) {
  const bundled = await rolldown({
    input: join(root, 'packages/cli/dist', entry),
    platform: 'node',
    external: OUTSIDE,
    logLevel: 'warn',
    // What a command loads when it runs is in the file of a command that is packed alone: on purpose.
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await bundled.write({ comments: false, ...options });
  await bundled.close();
  return output.flatMap((chunk) => chunk.moduleIds ?? []);
}

/** One character beyond Latin 1, and V8 keeps the whole text of the program with two bytes for each. */
const inAscii = {
  name: 'in-ascii',
  generateBundle: (_options, output) => {
    for (const chunk of Object.values(output))
      if (chunk.type === 'chunk') chunk.code = ascii(chunk.code);
  },
};

function ascii(code) {
  // There an escape would stand for something else.
  if (/String\.raw`[^`]*[^\0-\x7f]|\\[^\0-\x7f]/.test(code)) throw new Error('No escape fits.');
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return code.replace(/[^\0-\x7f]/g, escaped);
}

/** The licence of every package that a module of somebody else's was taken from. */
function licensesOf(modules) {
  const folders = modules.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0]);
  const texts = [...new Set(folders.filter((one) => one !== undefined))]
    .toSorted((one, other) => one.localeCompare(other))
    .map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
      if (file === undefined) throw new Error(`${name} has no licence in it: leave it outside.`);
      return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    });
  return `Parts of these packages are in the files beside this one.\n\n${texts.join('\n---\n\n')}`;
}

if (process.argv[1] === import.meta.filename) {
  const [given, ...more] = process.argv.slice(2);
  if (given === undefined || more.length > 0) {
    console.error('npm run bundle -- DIRECTORY, beside packages/cli/dist.');
    process.exit(2);
  }
  if (!existsSync(join(root, 'packages/cli/dist/main.js'))) {
    console.error('There is nothing to bundle yet: npm run build.');
    process.exit(1);
  }
  await bundle(resolve(given));
}
