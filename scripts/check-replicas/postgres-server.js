/** A PostgreSQL server made by the programs that its client programs belong to, with passwords asked for. */
import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresPrograms, runTool } from './tools.js';

/** Starts one in `folder` on `port`; `postgres` is its superuser. */
export async function startPostgresServer(folder, port, password) {
  const programs = postgresPrograms();
  const [uid, gid] = ['--user', '--group'].map((flag) => Number(runTool('id', [flag, 'postgres'])));
  const home = join(folder, 'postgres');
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, gid);
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  chownSync(passwordFile, uid, gid);
  const data = join(home, 'data');
  const account = { uid, gid, cwd: home };
  runTool(
    join(programs, 'initdb'),
    [
      `--pgdata=${data}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
    ],
    account,
  );
  const child = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', home],
    { ...account, stdio: 'ignore' },
  );
  const env = { PGHOST: '127.0.0.1', PGPORT: `${port}`, PGPASSWORD: password };
  for (let attempt = 1; ; attempt++) {
    try {
      runTool('psql', ['--username=postgres', '--command=select 1'], {
        env: { ...process.env, ...env },
      });
      break;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    version: runTool(join(programs, 'postgres'), ['--version']).trim(),
    env,
    stop: () =>
      new Promise((resolve) => {
        child.once('close', resolve);
        child.kill('SIGINT');
      }),
  };
}
