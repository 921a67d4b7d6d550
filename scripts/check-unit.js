/**
 * The systemd unit under systemd: a fresh Debian is started in namespaces of its own, the auth server is installed there by
 * the commands that `docs/operating/one-machine.md` gives, and then used, looked at from inside its sandbox, killed, stopped
 * and started with the machine. `npm run check:unit`, as root on Debian with debootstrap and systemd-nspawn; the packages
 * come from where this machine has its own.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOR_NODE, makeDebian, requireForDebian } from './debian.js';
import { build, root } from './run.js';

const NEEDED = ['debootstrap', 'systemd-nspawn', 'nsenter'];
const PACKAGES = [...FOR_NODE, 'systemd', 'systemd-sysv', 'nginx', 'openssl', 'sqlite3', 'curl'];

requireForDebian(NEEDED, 'debootstrap systemd-container util-linux');
build();
const { checkUnit } = await import('./check-unit/check.js');
const { Machine } = await import('./check-unit/machine.js');

const folder = mkdtempSync(join(tmpdir(), 'countersign-unit-'));
const tree = join(folder, 'machine');
const machine = new Machine(tree);
const remove = () => rmSync(folder, { recursive: true, force: true });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    machine.kill();
    remove();
    process.exit(1);
  });
}

/** What the first commands of the documentation need a network for, and the files that the others take from the clone. */
function install() {
  makeDebian(tree, PACKAGES);
  cpSync(process.execPath, join(tree, 'usr/bin/node'));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const stage = join(tree, `opt/countersign-${version}`);
  execFileSync(process.execPath, [join(root, 'scripts/stage.js'), stage], { stdio: 'ignore' });
  const clone = join(tree, 'usr/local/src/countersign');
  cpSync(join(root, 'packaging'), join(clone, 'packaging'), { recursive: true });
  cpSync(
    join(root, 'scripts/check-unit/sandbox-probe.js'),
    join(tree, 'usr/local/bin/sandbox-probe.mjs'),
  );
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost auth.example\n');
}

try {
  install();
  await checkUnit(machine);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await machine.powerOff();
  remove();
}
process.exit();
