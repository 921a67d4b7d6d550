import { createAgent } from '@countersign/agent';
import type { Command } from 'commander';
import { CommandError } from '../command-error.js';
import { serverLine } from '../http/access-line.js';
import { listen } from '../http/listen.js';
import { runUntilStopped } from '../http/run-until-stopped.js';
import { loadKeysFile } from '../keys-file.js';
import { note } from '../terminal.js';
import { readPort, withEnvironment } from './option-environment.js';

interface Options {
  readonly id: string;
  readonly port: number;
  readonly host: string;
  readonly keys: string;
  readonly redirectUri?: string;
  readonly name?: string;
  readonly homepage?: string;
}

export function addServeAgent(serve: Command): void {
  const command = serve
    .command('agent')
    .description("publishes an agent's metadata, its keys and its callback")
    .option('--id <url>', 'server identifier', 'http://127.0.0.1:8001')
    .option('--port <n>', 'port to listen on', readPort, 8001)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--keys <file>', 'keys file, made when absent', './countersign-agent-keys.json')
    .option('--redirect-uri <url>', 'where consent ends; default: /callback at the identifier')
    .option('--name <name>', 'name shown on the consent page')
    .option('--homepage <url>', 'link shown on the consent page')
    .action(async (options: Options) => {
      const { redirectUri, name, homepage } = options;
      const agent = createAgent({
        id: options.id,
        keys: await loadKeysFile(options.keys),
        insecureLoopback: options.id.startsWith('http://'),
        interaction: {
          mode: 'wait',
          present: () => {
            throw new CommandError('This server starts no flows of its own.');
          },
        },
        ...(redirectUri === undefined ? {} : { redirectUri }),
        ...(name === undefined ? {} : { name }),
        ...(homepage === undefined ? {} : { homepage }),
      });
      const { host } = options;
      const server = await listen(
        async (request) =>
          (await agent.handle(request)) ?? new Response('Not found', { status: 404 }),
        {
          host,
          port: options.port,
          onAnswer: (line) => {
            note(serverLine(line));
          },
        },
      );
      note(`Agent ${options.id} is listening on http://${host}:${server.port}`);
      await runUntilStopped(() => server.close());
    });
  withEnvironment(command);
}
