import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addMigrate } from '../src/commands/migrate.js';
import { addServeAuthServer } from '../src/commands/serve-auth-server.js';
import { environmentName } from '../src/options/environment.js';

const packaged = (name: string): string =>
  readFileSync(new URL(`../../../packaging/${name}`, import.meta.url), 'utf8');

interface Service {
  readonly networks?: Readonly<Record<string, { readonly ipv4_address?: string } | undefined>>;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const compose = parse(packaged('compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const addressOf = (service: string): string | undefined =>
  compose.services[service]?.networks?.['front']?.ipv4_address;

describe('what is packaged', () => {
  it('names settings that there are', () => {
    const serve = new Command();
    addServeAuthServer(serve);
    addMigrate(serve);
    const options = serve.commands.flatMap((command) => command.options);
    const known = new Set(options.map(environmentName));
    const files = ['Containerfile', 'compose.yaml', 'systemd/countersign-auth-server.service'];
    for (const file of files) {
      const named = Array.from(packaged(file).matchAll(/\bCOUNTERSIGN_[A-Z_]+/g), ([name]) => name);
      expect(named.length).toBeGreaterThan(0);
      for (const name of named) expect(known, file).toContain(name.replace(/_FILE$/, ''));
    }
  });

  it('believes the proxy of the compose file alone, and passes requests on to its replicas alone', () => {
    const trusted = compose.services['auth-1']?.environment?.['COUNTERSIGN_TRUSTED_PROXY'];
    expect(trusted).toBe(addressOf('proxy'));
    const upstream = packaged('nginx/upstream-replicas.conf');
    const servers = Array.from(upstream.matchAll(/^\s*server (\S+) /gm), ([, server]) => server);
    expect(servers).toEqual([`${addressOf('auth-1')}:8003`, `${addressOf('auth-2')}:8003`]);
    expect(packaged('Containerfile')).toContain('COUNTERSIGN_PORT=8003');
  });

  it('publishes the ports of the proxy and no others', () => {
    const published = Object.entries(compose.services).filter(
      ([, { ports }]) => ports !== undefined,
    );
    expect(published.map(([name]) => name)).toEqual(['proxy']);
  });

  it('lets the build of the container have every script that staging loads', () => {
    const scripts = new URL('../../../scripts/', import.meta.url);
    const needed = new Set(['stage.js']);
    for (const script of needed) {
      const text = readFileSync(new URL(script, scripts), 'utf8');
      for (const [, name] of text.matchAll(/ from '\.\/(.+\.js)'/g)) needed.add(name ?? '');
    }
    expect(needed.size).toBeGreaterThan(1);
    const sent = readFileSync(new URL('../.dockerignore', scripts), 'utf8').split('\n');
    expect(sent).toEqual(expect.arrayContaining([...needed].map((name) => `!scripts/${name}`)));
  });

  it('gives the server longer to stop than the ten seconds that requests in flight may take', () => {
    const [, unit] =
      /^TimeoutStopSec=(\d+)s$/m.exec(packaged('systemd/countersign-auth-server.service')) ?? [];
    const [, container] = /^ {2}stop_grace_period: (\d+)s$/m.exec(packaged('compose.yaml')) ?? [];
    for (const seconds of [unit, container]) expect(Number(seconds)).toBeGreaterThan(10);
  });
});
