import type { Command } from 'commander';
import { withEnvironment } from '../options/environment.js';
import { addLogOptions, type LogSettings } from '../options/log-options.js';
import { listOption, readPort } from '../options/values.js';

export interface ServeAgentOptions extends LogSettings {
  readonly id?: string;
  readonly port?: number;
  readonly host: string;
  readonly keys: string;
  readonly redirectUri?: readonly string[];
  readonly database: string;
  readonly name?: string;
  readonly homepage?: string;
  readonly insecureLoopback?: boolean;
}

export function addServeAgent(serve: Command): void {
  const command = serve
    .command('agent')
    .description("publish an agent's metadata, its keys and its callback")
    .option('--id <url>', 'server identifier; default http://127.0.0.1:PORT')
    .option('--port <n>', "port to listen on; default the loopback identifier's, or 8001", readPort)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--keys <file>', 'keys file, made when absent', './countersign-agent-keys.json')
    .addOption(
      listOption(
        '--redirect-uri <url>',
        'where consent ends; default: /callback at the identifier. Those elsewhere are published beside it,\n' +
          'for delegates with a callback of their own (repeatable)',
      ),
    )
    .option(
      '--database <url>',
      'sqlite:FILE with the delegates, made when absent; one for each agent server',
      'sqlite:./countersign-agent.db',
    )
    .option('--name <name>', 'name shown on the consent page')
    .option('--homepage <url>', 'link shown on the consent page')
    .option(
      '--insecure-loopback',
      'accept plain http on loopback (implied by an http loopback identifier)',
    )
    .addHelpText(
      'after',
      '\nDelegates that `countersign delegate add` has enrolled get their agent tokens here.\n' +
        'The answer of a person ends on the callback page, which shows the address to paste into a waiting\n' +
        '`countersign fetch --scheme jwt --agent-server URL`, or `countersign fetch --id URL --keys FILE`.',
    )
    .action(async (options: ServeAgentOptions) => {
      const { serveAgent } = await import('../serve/agent.js');
      await serveAgent(options);
    });
  addLogOptions(command);
  withEnvironment(command);
}
