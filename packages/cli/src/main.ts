import { isAAuthError } from '@countersign/protocol';
import { StorageConfigurationError, StorageError } from '@countersign/auth-server';
import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';
import { CommandError } from './command-error.js';
import { addDemo } from './commands/demo.js';
import { addFetch } from './commands/fetch.js';
import { addKeygen } from './commands/keygen.js';
import { addServeAgent } from './commands/serve-agent.js';
import { addServeAuthServer } from './commands/serve-auth-server.js';
import { addServeResource } from './commands/serve-resource.js';
import { addUser } from './commands/user.js';
import { note } from './terminal.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

function createProgram(): Command {
  const program = new Command('countersign')
    .description(
      'AAuth for TypeScript: signed requests, access that a person approves, no shared secrets.',
    )
    .version(version)
    .showHelpAfterError('(--help shows what is possible)')
    .exitOverride();
  addDemo(program);
  addFetch(program);
  const serve = program.command('serve').description('run one of the three parties');
  addServeAuthServer(serve);
  addServeResource(serve);
  addServeAgent(serve);
  addKeygen(program);
  addUser(program);
  return program;
}

/** The exit code for an error: 2 for wrong usage, 1 for anything else; says what went wrong on standard error. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CommandError) {
    note(`error: ${error.message}`);
    return error.exitCode;
  }
  if (isAAuthError(error)) {
    const { message, detail } = error;
    note(`error: ${message}${detail === undefined ? '' : ` (${detail})`}`);
    return error.code === 'configuration_invalid' ? 2 : 1;
  }
  if (error instanceof StorageConfigurationError || error instanceof StorageError) {
    note(`error: ${error.message}`);
    return 1;
  }
  note(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
