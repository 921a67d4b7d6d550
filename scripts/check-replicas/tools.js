/** The programs of an operator that the check runs, and what to do where one is missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NEEDED = ['nginx', 'openssl', 'psql', 'pg_dump', 'pg_restore', 'sqlite3'];
const DEBIAN = 'apt-get install nginx openssl postgresql sqlite3';
const SERVERS = '/usr/lib/postgresql';

const works = (program) => {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return error === undefined;
};

/** Ends the process with an explanation when a program is missing. */
export function requireTools() {
  const missing = NEEDED.filter((program) => !works(program));
  if (process.getuid?.() !== 0) {
    console.error('This check runs servers under accounts of their own: run it as root.');
  } else if (missing.length > 0) {
    console.error(`Not found: ${missing.join(', ')}. On Debian: ${DEBIAN}`);
  } else return;
  process.exit(2);
}

/** Where the programs of the newest installed PostgreSQL server are. */
export function postgresPrograms() {
  const versions = existsSync(SERVERS) ? readdirSync(SERVERS).map(Number) : [];
  const found = versions
    .sort((a, b) => b - a)
    .map((version) => join(SERVERS, `${version}`, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
  if (found === undefined) {
    console.error(`No PostgreSQL server below ${SERVERS}. On Debian: ${DEBIAN}`);
    process.exit(2);
  }
  return found;
}

/** Runs a program to its end and returns what it wrote to standard output. */
export function runTool(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    ...options,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
