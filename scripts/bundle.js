/**
 * Puts the command and what it always loads into few files: a program of a thousand modules spends most of its start on
 * finding them. `npm run bundle -- DIRECTORY`; packing and staging do it.
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
  /^undici/,
];

/** Bundles what `npm run build` compiled into `directory`, which has to lie beside the command's `dist`. */
export async function bundle(directory) {
  rmSync(directory, { recursive: true, force: true });
  const bundled = await rolldown({
    input: join(root, 'packages/cli/dist/main.js'),
    platform: 'node',
    external: OUTSIDE,
    logLevel: 'warn',
  });
  const { output } = await bundled.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
  });
  await bundled.close();
  const modules = output.flatMap((chunk) => chunk.moduleIds ?? []);
  writeFileSync(join(directory, 'THIRD-PARTY.txt'), licensesOf(modules));
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
