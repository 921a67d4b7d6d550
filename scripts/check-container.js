/**
 * The container file and the compose file on a container engine: the image is built and run by itself, then with
 * PostgreSQL, a second replica and nginx, by the commands that `docs/operating/several-machines.md` gives; replicas are
 * stopped and killed meanwhile. The engine is started here in namespaces of its own. Images that the files name are made of
 * this machine's Debian and of npm packages, not fetched. `npm run check:container`, as root on Debian.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { requireForDebian } from './debian.js';
import { build, root } from './run.js';

const NEEDED = ['debootstrap', 'docker', 'dockerd', 'docker-compose', 'ip', 'iptables', 'openssl'];
const LEFT_OUT = new Set(['node_modules', 'dist', '.git']);

requireForDebian(
  [...NEEDED, 'nsenter', 'unshare', 'curl'],
  'debootstrap docker.io docker-compose iproute2 iptables openssl util-linux curl',
);
build();
const { checkContainer } = await import('./check-container/check.js');
const { Engine } = await import('./check-container/engine.js');
const { makeImages } = await import('./check-container/images.js');

const folder = mkdtempSync(join(tmpdir(), 'countersign-container-'));
const clone = join(folder, 'clone');
const engine = new Engine(folder);
const remove = () => rmSync(folder, { recursive: true, force: true });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    engine.kill();
    process.exit(1);
  });
}

try {
  cpSync(root, clone, { recursive: true, filter: (file) => !LEFT_OUT.has(basename(file)) });
  await engine.start();
  await makeImages(engine, folder);
  await checkContainer(engine, folder, clone);
} catch (error) {
  console.error(error.message);
  console.error(await engine.logs());
  process.exitCode = 1;
} finally {
  await engine.stop();
  remove();
}
process.exit();
