/**
 * Two auth servers on PostgreSQL behind nginx with TLS, as `packaging` and `docs/operating` have it, under traffic: one
 * replica after the other is stopped and started, keys, certificate and database password change, and backups are
 * restored, by the commands that the documentation gives. No request may fail. `npm run check:replicas`, as root on a
 * machine with nginx, openssl, sqlite3 and PostgreSQL.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeAuthority, makeCertificate } from './check-replicas/certificates.js';
import { requireTools } from './check-replicas/tools.js';
import { build, runNode } from './run.js';

const self = fileURLToPath(import.meta.url);
const folder = process.env.CHECK_REPLICAS_FOLDER;

/** Programs that are started later trust the authority made here: Node reads that variable at its start only. */
function prepare() {
  requireTools();
  build();
  const made = mkdtempSync(join(tmpdir(), 'countersign-replicas-'));
  chmodSync(made, 0o755);
  try {
    const ca = makeAuthority(made);
    const env = { ...process.env, CHECK_REPLICAS_FOLDER: made, NODE_EXTRA_CA_CERTS: ca };
    process.exitCode = runNode(self, [], env);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

if (folder === undefined) prepare();
else {
  const { checkReplicas } = await import('./check-replicas/check.js');
  const stage = join(folder, 'opt');
  const staged = spawnSync('npm', ['run', '--silent', 'stage', '--', stage], { encoding: 'utf8' });
  if (staged.status !== 0) throw new Error(`staging failed: ${staged.stderr}`);
  for (const name of ['bin', 'etc', 'backups', 'tls', 'state']) mkdirSync(join(folder, name));
  for (const name of ['backups', 'state']) chownSync(join(folder, name), 10001, 10001);
  makeCertificate(folder, join(folder, 'tls'));
  symlinkSync(join(stage, 'packages/cli/bin/countersign.js'), join(folder, 'bin/countersign'));
  process.env.PATH = [join(folder, 'bin'), process.env.PATH].join(delimiter);
  await checkReplicas({ folder, stage });
}
