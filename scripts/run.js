import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/** The file behind a package's command, so that nothing depends on a shell or on PATH. */
function commandFile(packageName, command) {
  const manifest = require.resolve(`${packageName}/package.json`);
  const { bin } = require(manifest);
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[command]);
}

/** Runs a Node script with this terminal; returns its exit code. */
export function runNode(file, args, env = process.env) {
  const { status, signal, error } = spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  if (error) throw error;
  return status ?? (signal === null ? 1 : 128);
}

/** Runs a command of an installed package; returns its exit code. */
export function runPackage(packageName, command, args, env) {
  return runNode(commandFile(packageName, command), args, env);
}

/** Compiles what has changed; ends the process when that fails. */
export function build() {
  const status = runPackage('typescript', 'tsc', ['-b']);
  if (status !== 0) process.exit(status);
}
