import { Command } from 'commander';
import { createRequire } from 'node:module';
import { addAudit } from './commands/audit.js';
import { addDelegateCommands } from './commands/delegate.js';
import { addDemo } from './commands/demo.js';
import { addFetch } from './commands/fetch.js';
import { addGrant } from './commands/grant.js';
import { addKey } from './commands/key.js';
import { addKeygen } from './commands/keygen.js';
import { addMigrate } from './commands/migrate.js';
import { addServeAgent } from './commands/serve-agent.js';
import { addServeAuthServer } from './commands/serve-auth-server.js';
import { addServeResource } from './commands/serve-resource.js';
import { addUser } from './commands/user.js';
import { reportError } from './report-error.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The options of all commands. What a command does is loaded when it runs, so that help and mistakes are quick. */
function createProgram(): Command {
  const program = new Command('countersign')
    .description(
      'AAuth for TypeScript: signed requests, access that a person approves, no shared secrets.',
    )
    .version(version)
    .showHelpAfterError('(--help shows what is possible)')
    .addHelpText('after', '\nBegin with `countersign demo`.')
    .exitOverride();
  addDemo(program);
  addFetch(program);
  const serve = program.command('serve').description('run one of the three parties');
  addServeAuthServer(serve);
  addServeResource(serve);
  addServeAgent(serve);
  addKeygen(program);
  addUser(program);
  addGrant(program);
  addDelegateCommands(program);
  addKey(program);
  addAudit(program);
  addMigrate(program);
  return program;
}

/** Does what the words of a command line say, without the program's name. Returns the exit code. */
export async function runCommand(words: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    return await reportError(error);
  }
}
