/** Images under the names that the container file and the compose file give, made of a Debian and of npm packages. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FOR_NODE, makeDebian } from '../debian.js';
import { root } from '../run.js';

const SERVERS = ['nginx', 'postgresql'];
const WITH = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };
const npm = (...args) =>
  execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], WITH);
const own = (name) => join(import.meta.dirname, name);

/** What a line of the packaged files names, such as `node:22-slim`. */
function named(file, pattern) {
  const [, ...found] = pattern.exec(readFileSync(join(root, 'packaging', file), 'utf8')) ?? [];
  if (found.length === 0) throw new Error(`${pattern} is not in ${file}`);
  return found;
}

export async function makeImages(engine, folder) {
  const [node] = named('Containerfile', /^ARG NODE_VERSION=(\d+)$/m);
  const base = join(folder, 'base');
  makeDebian(base, FOR_NODE);
  addNode(base, folder, node);
  addPackages(base, folder);
  await importTree(engine, base, `node:${node}-slim`);

  const servers = join(folder, 'servers');
  makeDebian(servers, SERVERS);
  await importTree(engine, servers, 'servers');
  const [nginx] = named('compose.yaml', /image: (nginx:\S+)/);
  const [postgres] = named('compose.yaml', /image: (postgres:\S+)/);
  await buildFrom(engine, join(folder, 'nginx'), nginx, 'nginx.conf', [
    'COPY nginx.conf /etc/nginx/nginx.conf',
    'CMD ["nginx", "-g", "daemon off;"]',
  ]);
  await buildFrom(engine, join(folder, 'postgres'), postgres, 'postgres-entrypoint.sh', [
    'COPY postgres-entrypoint.sh /usr/local/bin/',
    'RUN rm -rf /var/lib/postgresql/* && install -d -m 3777 -o postgres -g postgres /run/postgresql',
    'STOPSIGNAL SIGINT',
    'ENTRYPOINT ["postgres-entrypoint.sh"]',
    'CMD ["postgres"]',
  ]);
}

/** Node and npm where the official image has them. */
function addNode(base, folder, version) {
  const prefix = join(folder, 'node');
  const platform = `node-${process.platform}-${process.arch}`;
  npm('install', '--prefix', prefix, `${platform}@${version}`, 'npm@10');
  const local = join(base, 'usr/local');
  cpSync(join(prefix, 'node_modules', platform, 'bin/node'), join(local, 'bin/node'));
  cpSync(join(prefix, 'node_modules/npm'), join(local, 'lib/node_modules/npm'), {
    recursive: true,
  });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** npm's cache with all that the lock file names: the build reaches no registry. */
function addPackages(base, folder) {
  const manifests = join(folder, 'manifests');
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const one of ['package.json', 'package-lock.json', ...workspaces]) {
    const file = one.endsWith('.json') ? one : join(one, 'package.json');
    mkdirSync(dirname(join(manifests, file)), { recursive: true });
    cpSync(join(root, file), join(manifests, file));
  }
  npm('ci', '--prefix', manifests, '--cache', join(base, 'root/.npm'));
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const settings = join(base, 'usr/local/etc');
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'npmrc'), `offline=true\nregistry=${registry}\n`);
}

export async function importTree(engine, tree, name) {
  const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  await engine.run(
    `tar --directory='${tree}' --create . | docker import --change '${path}' - ${name}`,
  );
}

export async function buildFrom(engine, context, name, file, lines) {
  mkdirSync(context);
  cpSync(own(file), join(context, file));
  writeFileSync(join(context, 'Dockerfile'), ['FROM servers', ...lines, ''].join('\n'));
  await engine.run(`docker build --tag ${name} '${context}'`);
}
