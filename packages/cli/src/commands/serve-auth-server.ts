import type { Command } from 'commander';
import { authServerSettings } from '../settings/auth-server-settings.js';
import { addSettingOptions } from '../settings/setting-options.js';

export function addServeAuthServer(serve: Command): void {
  const command = serve
    .command('auth-server')
    .description('sign-in, consent, grants and tokens')
    .option('--config <file>', 'read settings from this file, YAML or JSON');
  addSettingOptions(command, authServerSettings);
  command
    .option('--print-config', 'print the settings as they are in effect, and start nothing')
    .action(async () => {
      const { serveAuthServer } = await import('../serve/auth-server.js');
      await serveAuthServer(flagsOf(command));
    });
}

/** What stands on the command line; commander has values of its own for the rest. */
function flagsOf(command: Command): Readonly<Record<string, unknown>> {
  const options = Object.entries(command.opts<Record<string, unknown>>());
  return Object.fromEntries(
    options.filter(([name]) => command.getOptionValueSource(name) === 'cli'),
  );
}
