import type { Command } from 'commander';
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
import { addServe, rootCommand } from './root-command.js';
import { runWords } from './run-words.js';

/** The options of all commands. What a command does is loaded when it runs, so that help and mistakes are quick. */
function createProgram(): Command {
  const program = rootCommand();
  addDemo(program);
  addFetch(program);
  const serve = addServe(program);
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
  return await runWords(createProgram, words);
}
