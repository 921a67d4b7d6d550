import type { Wire } from '@countersign/httpsig';
import { createResource } from '@countersign/resource';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-error.js';
import { demonstrationResource } from '../demo-resource.js';
import { serverLine } from '../http/access-line.js';
import { listen, type NodeHandler } from '../http/listen.js';
import { runUntilStopped } from '../http/run-until-stopped.js';
import { loadKeysFile } from '../keys-file.js';
import { note } from '../terminal.js';
import { traceServer } from '../trace/server-trace.js';
import { collect, readPort, withEnvironment } from './option-environment.js';
import { refusalLine } from '../refusal-line.js';

interface Options {
  readonly id: string;
  readonly port: number;
  readonly host: string;
  readonly authServer: readonly string[];
  readonly scope: string;
  readonly keys: string;
  readonly acceptWire?: readonly Wire[];
  readonly insecureLoopback?: boolean;
  readonly trace?: boolean;
}

/** The wires a server verifies: the two that are safe, and the older one when it has been named. */
export function acceptedWires(named: readonly Wire[] | undefined): readonly Wire[] {
  if (named?.includes('2026-01') !== true) return ['rfc9421', '2026-02'];
  note(
    'WARNING: accepting the 2026-01 wire, which leaves the time unsigned: a captured request can be replayed for ever.',
  );
  return ['rfc9421', '2026-02', '2026-01'];
}

export const acceptWireOption = (): Option =>
  new Option('--accept-wire <wire>', 'also verify this older signature encoding (2026-01)')
    .choices(['rfc9421', '2026-02', '2026-01'])
    .argParser((value: string, previous?: readonly string[]) => {
      if (!['rfc9421', '2026-02', '2026-01'].includes(value)) {
        throw new UsageError('--accept-wire takes rfc9421, 2026-02 or 2026-01.');
      }
      return collect(value, previous);
    });

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'data.read': 'Read your data',
  'data.write': 'Change your data',
};

/** Scope names with a sentence each: the demonstration's own, or the name itself. */
export function describeScopes(scope: string): Record<string, string> {
  const names = scope.split(/\s+/).filter((name) => name !== '');
  if (names.length === 0) throw new UsageError('--scope needs at least one name.');
  return Object.fromEntries(names.map((name) => [name, DESCRIPTIONS[name] ?? name]));
}

export const DATA_PATHS: readonly string[] = ['/data', '/data-hwk', '/data-jwks', '/data-auth'];

export function addServeResource(serve: Command): void {
  const command = serve
    .command('resource')
    .description('the demonstration resource: /data, /data-hwk, /data-jwks and /data-auth')
    .option('--id <url>', 'server identifier', 'http://127.0.0.1:8002')
    .option('--port <n>', 'port to listen on', readPort, 8002)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .requiredOption(
      '--auth-server <url>',
      'auth server whose tokens are accepted (repeatable)',
      collect,
    )
    .option('--scope <names>', 'scopes that /data-auth asks for', 'data.read data.write')
    .option('--keys <file>', 'keys file, made when absent', './countersign-resource-keys.json')
    .addOption(acceptWireOption())
    .option('--insecure-loopback', 'accept plain http identifiers on loopback (development)')
    .option('--trace', 'write every request and answer to standard error, tokens included')
    .action(async (options: Options) => {
      const scopes = describeScopes(options.scope);
      const [first, ...rest] = options.authServer.flatMap((one) => one.split(/[\s,]+/));
      const resource = createResource({
        id: options.id,
        keys: await loadKeysFile(options.keys),
        authServers: [first ?? '', ...rest],
        scopes,
        acceptWire: acceptedWires(options.acceptWire),
        insecureLoopback: options.insecureLoopback ?? false,
        onRefused: (error) => {
          note(refusalLine(error));
        },
      });
      const app = demonstrationResource(resource, Object.keys(scopes));
      const plain: NodeHandler = async (request, incoming) =>
        await app.fetch(request, { incoming });
      if (options.trace) note('WARNING: --trace writes tokens to standard error.');
      const handler = options.trace
        ? traceServer(plain, {
            party: 'RESOURCE',
            paths: (path) => DATA_PATHS.includes(path),
            write: (text) => process.stderr.write(text),
          })
        : plain;
      const { host } = options;
      const server = await listen(handler, {
        host,
        port: options.port,
        onAnswer: (line) => {
          note(serverLine(line));
        },
      });
      note(`Resource ${resource.id} is listening on http://${host}:${server.port}`);
      await runUntilStopped(() => server.close());
    });
  withEnvironment(command);
}
