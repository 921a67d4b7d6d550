/** SQLite on a disk that loses its power: what was not synced may be gone, in any order. */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterPowerCut, ENDINGS } from './disk.js';

const SOURCE = new URL('disk-log.c', import.meta.url).pathname;

/**
 * A folder for a database whose writes are written down, and the environment in which every process that opens it has to
 * run. Throws when there is no C compiler.
 */
export async function makeDisk() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'countersign-power-')));
  const library = join(folder, 'disk-log.so');
  const { status, stderr, error } = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl'],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`Power cuts need Linux and a C compiler: ${stderr ?? error?.message}`);
  }
  return {
    environment: {
      LD_PRELOAD: library,
      DISK_LOG: join(folder, 'log'),
      DISK_LOG_DATABASE: join(folder, 'auth.db'),
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** In a process of that environment. */
export async function sqliteWithPowerCuts() {
  const { DISK_LOG: log, DISK_LOG_DATABASE: database } = process.env;
  if (log === undefined || database === undefined) {
    throw new Error('Power cuts are `npm run check:power`.');
  }
  const paths = ENDINGS.map((ending) => database + ending);
  let before = paths.map(() => undefined);
  const clear = () => {
    for (const path of [...paths, `${database}-shm`]) rmSync(path, { force: true });
  };
  clear();
  writeFileSync(log, '');
  return {
    url: `sqlite:${database}`,
    replicas: 1,
    crash: undefined,
    /** Once no process has the database open. Returns how many sectors and lengths were not synced, and were lost. */
    cutPower: (random) => {
      const { after, ...counts } = afterPowerCut({ log: readFileSync(log), before, random });
      clear();
      for (const [index, path] of paths.entries()) {
        if (after[index] === undefined) continue;
        // Under another name, so that it is not written down as the server's.
        writeFileSync(`${path}.new`, after[index], { mode: 0o600 });
        renameSync(`${path}.new`, path);
      }
      truncateSync(log);
      before = after;
      return counts;
    },
    stop: async () => clear(),
  };
}
