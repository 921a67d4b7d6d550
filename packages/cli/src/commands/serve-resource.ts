import type { Command } from 'commander';
import { withEnvironment } from '../options/environment.js';
import { addLogOptions, type LogSettings } from '../options/log-options.js';
import { acceptWireOption, listOption, readPort } from '../options/values.js';

export interface ServeResourceOptions extends LogSettings {
  readonly id?: string;
  readonly port?: number;
  readonly host: string;
  readonly authServer?: readonly string[];
  readonly scope: string;
  readonly keys: string;
  readonly encryptionKeys?: string;
  readonly replay: string;
  readonly acceptWire?: readonly string[];
  readonly insecureLoopback?: boolean;
  readonly trace?: boolean;
}

export function addServeResource(serve: Command): void {
  const command = serve
    .command('resource')
    .description(
      'the demonstration resource: /data, /data-hwk, /data-jwks, /data-auth, /data-progressive',
    )
    .option('--id <url>', 'server identifier; default http://127.0.0.1:PORT')
    .option('--port <n>', "port to listen on; default the loopback identifier's, or 8002", readPort)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(
      listOption(
        '--auth-server <url>',
        'auth server whose tokens are accepted (needed, repeatable)',
      ),
    )
    .option('--scope <names>', 'scopes that /data-auth asks for', 'data.read data.write')
    .option('--keys <file>', 'keys file, made when absent', './countersign-resource-keys.json')
    .option(
      '--encryption-keys <file>',
      'keys that auth tokens for /data-auth are to be encrypted to, made when absent; default none',
    )
    .option(
      '--replay <file>',
      'accepted requests are remembered here, made when absent',
      './countersign-resource.db',
    )
    .addOption(acceptWireOption())
    .option('--insecure-loopback', 'accept plain http identifiers on loopback (development)')
    .option('--trace', 'write every request and answer to standard error, tokens included')
    .action(async (options: ServeResourceOptions) => {
      const { serveResource } = await import('../serve/resource.js');
      await serveResource(options);
    });
  addLogOptions(command);
  withEnvironment(command);
}
