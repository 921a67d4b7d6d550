/** nginx on the configuration of `packaging/nginx`, with this run's ports and paths in it. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.js';
import { translate } from './documented.js';
import { runTool } from './tools.js';

const packaged = (name) => readFileSync(join(root, 'packaging/nginx', name), 'utf8');

/** Beside the packaged files: what a distribution's nginx.conf says, and which replica answered. */
function mainFile(folder) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join('\n  ');
  return `daemon off;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'main-error.log')};
events { worker_connections 512; }
http {
  ${temporary}
  include ${join(folder, 'conf.d')}/*.conf;
}
`;
}

export async function startProxy({ folder, tls, port, plainPort, replicas }) {
  const home = join(folder, 'nginx');
  mkdirSync(join(home, 'conf.d'), { recursive: true });
  const [first, second] = replicas;
  const site = translate(packaged('countersign.conf'), [
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['    listen [::]:80;\n', ''],
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['    listen [::]:443 ssl;\n', ''],
    ['server_name auth.example;', 'server_name localhost;'],
    ['https://auth.example', `https://localhost:${port}`],
    ['/etc/nginx/tls', tls],
    ['/var/log/nginx', home],
    [
      'server_tokens off;\n\n',
      'server_tokens off;\n    add_header X-Answered-By $upstream_addr always;\n',
    ],
  ]);
  const upstream = translate(packaged('upstream-replicas.conf'), [
    ['10.203.17.11:8003', `127.0.0.1:${first}`],
    ['10.203.17.12:8003', `127.0.0.1:${second}`],
  ]);
  const main = join(home, 'nginx.conf');
  writeFileSync(join(home, 'conf.d/countersign.conf'), site);
  writeFileSync(join(home, 'conf.d/upstream-replicas.conf'), upstream);
  writeFileSync(main, mainFile(home));
  runTool('nginx', ['-t', '-q', '-c', main, '-e', join(home, 'main-error.log')]);
  const args = ['-c', main, '-e', join(home, 'main-error.log')];
  const child = spawn('nginx', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  return {
    /** What the documentation calls `systemctl reload nginx`. */
    reload: () => runTool('nginx', ['-s', 'reload', ...args]),
    logs: () =>
      ['countersign.log', 'countersign-error.log', 'main-error.log']
        .map((name) => readFileSync(join(home, name), 'utf8'))
        .join('\n'),
    stop: async () => {
      child.kill('SIGQUIT');
      await ended;
    },
  };
}
