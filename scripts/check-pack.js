/** Packs every package, installs the tarballs alone in an empty project and uses them there, types included. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, root } from './run.js';

const PROGRAM = `
import { generatePrivateJwk, signMessage } from '@countersign/httpsig';
import { createDiscovery, loadKeySet, systemClock } from '@countersign/protocol';
import { createAgent, type Agent } from '@countersign/agent';
import { fileStore } from '@countersign/agent/node';
import { sqliteAgentServerStore } from '@countersign/agent/sqlite';
import { createResource, memoryReplayStore } from '@countersign/resource';
import { aauth } from '@countersign/resource/hono';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { postgresReplayStore } from '@countersign/resource/postgres';
import { alwaysAskPerson, createAuthServer, openStorage } from '@countersign/auth-server';

const keys = await loadKeySet({ keys: [await generatePrivateJwk()] });
const discovery = createDiscovery({ clock: systemClock });
const agent: Agent = createAgent({
  id: 'https://agent.example', keys, discovery, interaction: { mode: 'redirect' }, store: fileStore('tokens.json'),
});
sqliteAgentServerStore('agent-server.db').close();
const metadata = await agent.handle(new Request('https://agent.example/.well-known/aauth-agent'));
if (metadata?.status !== 200) throw new Error('the agent publishes nothing');
const resource = createResource({
  id: 'https://api.example', keys, authServers: ['https://auth.example'], scopes: { read: 'Read' }, discovery,
  replay: sqliteReplayStore('replay.db'),
});
aauth(resource, { scopes: ['read'] });
const outcome = await resource.verify({ method: 'GET', target: '/', headers: [] }, 'signature');
if (outcome.type !== 'challenge') throw new Error('an unsigned request got in');
const storage = await openStorage('sqlite:auth.db');
const server = await createAuthServer({ issuer: 'https://auth.example', storage, policy: alwaysAskPerson, discovery });
const answer = await server.handle(new Request('https://auth.example/.well-known/aauth-issuer'));
if (answer.status !== 200) throw new Error('the auth server publishes nothing');
await storage.close();
for (const used of [signMessage, memoryReplayStore, postgresReplayStore]) if (typeof used !== 'function') throw new Error('missing');
console.log('every entry works');
`;

build();
const folder = mkdtempSync(join(tmpdir(), 'countersign-pack-'));
const npm = (...args) =>
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  npm('pack', '--workspaces', '--prefix', root, '--pack-destination', folder);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  if (tarballs.length !== 6) throw new Error(`expected 6 tarballs, got ${tarballs.length}`);
  npm(
    'install',
    '--no-audit',
    '--no-fund',
    ...tarballs.map((name) => `./${name}`),
    'hono@4',
    'libsql@0.5',
    'typescript@7',
    '@types/node@20',
  );
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  execFileSync(
    process.execPath,
    [
      join(folder, 'node_modules/typescript/bin/tsc'),
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      'program.ts',
    ],
    { cwd: folder, stdio: 'inherit' },
  );
  execFileSync(process.execPath, ['program.js'], { cwd: folder, stdio: 'inherit' });
  execFileSync(
    process.execPath,
    ['node_modules/countersign/bin/countersign.js', 'demo', '--quiet'],
    { cwd: folder, stdio: 'inherit' },
  );
  execFileSync(
    process.execPath,
    [
      join(folder, 'node_modules/countersign/bin/countersign.js'),
      'serve',
      'auth-server',
      '--preset',
      'development',
      '--print-config',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const program = join(folder, 'node_modules/countersign/program');
  for (const file of ['main.js', 'auth-server.cjs', 'THIRD-PARTY.txt']) {
    if (!existsSync(join(program, file))) throw new Error(`${file} is not packed`);
  }
  console.log('The packed packages work alone.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
